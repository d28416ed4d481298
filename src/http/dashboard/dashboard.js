// The page's head: it hands what the stream brings to the parts that show it.
//
// Snapshots are decoded and drawn once a frame, and of several the last only; so a page in the
// background costs nothing, and a node with thousands of peers cannot freeze one in front. Facts
// are taken at once, as none of them may be missed.

import { notice, perform, setUpAdding } from "./actions.js";
import { Bans } from "./bans.js";
import { Chart } from "./chart.js";
import { byId, setText, show } from "./dom.js";
import { clean, count } from "./format.js";
import { Graph } from "./graph.js";
import { Log } from "./log.js";
import { Connection, NodeHead } from "./node.js";
import { Peers } from "./peers.js";
import { Roster } from "./roster.js";
import { call, onToken, setToken, token } from "./session.js";
import { Stream } from "./stream.js";
import { Swarms } from "./swarms.js";

const roster = new Roster();
const parts = {
  head: new NodeHead(),
  connection: new Connection(),
  swarms: new Swarms(),
  peers: new Peers(roster),
  bans: new Bans(),
  chart: new Chart(),
  graph: new Graph(),
  log: new Log(),
};

/** What was told last; `raw` holds snapshots that are not decoded yet. */
const known = { status: null, swarms: [], fraction: 0, raw: {}, phase: "connecting", skew: 0,
  canChange: false };

let frame = null;
let lostAt = null;

const stream = new Stream(takeEvent, takeState);

function takeEvent(name, text, id) {
  parts.connection.heard(Date.now());
  if (name === "swarms" || name === "peers") {
    known.raw[name] = text;
    draw();
    return;
  }
  const data = decode(name, text);
  if (data === null) return;
  if (name === "status") takeStatus(data);
  else takeFact(name, data, id);
  draw();
}

function takeStatus(status) {
  const before = known.status;
  known.status = status;
  known.raw.status = true;
  parts.chart.push(Date.now(), status.down_rate || 0, status.up_rate || 0);
  if (before && before.version !== status.version) {
    const text = `the node is now version ${clean(status.version)}; reload this page`;
    parts.log.add("page", { text });
  }
}

function takeFact(name, fact, id) {
  const now = Date.now();
  const at = fact.time ? Date.parse(fact.time) - known.skew : now;
  if (name === "lagged") {
    fact.text = `${count(fact.missed)} events were missed, as this page was too slow; ` +
      "the next snapshot catches up";
    parts.bans.refresh();
  }
  if (name === "peer-lost") roster.lose(fact, Math.min(at, now), now);
  if (name === "peer-joined") roster.join(fact);
  if (name === "banned" || name === "unbanned") parts.bans.refresh();
  if (name === "peer-lost" || name === "peer-joined") known.raw.roster = true;
  parts.log.add(name, fact, id);
}

function takeState(state) {
  const now = Date.now();
  if (state.phase === "live") {
    known.skew = state.skew;
    parts.bans.refresh();
    if (lostAt !== null) parts.log.add("connection", { text: "the node is heard again" });
    lostAt = null;
  }
  if ((state.phase === "lost" || state.phase === "denied") && lostAt === null) {
    lostAt = now;
    parts.chart.gap(now);
    parts.log.add("connection", { text: `connection to the node lost: ${clean(state.reason)}` });
  }
  known.phase = state.phase === "connecting" && lostAt !== null ? known.phase : state.phase;
  known.raw.connection = true;
  parts.connection.update(state);
  showToken(state);
  draw();
}

/** Decodes what is not JSON to null, and says so: the page must go on with the next event. */
function decode(name, text) {
  try {
    return JSON.parse(text);
  } catch {
    parts.log.add("page", { text: `an event ${clean(name, 40)} was not JSON` });
    return null;
  }
}

/** Draws soon: what comes at once, as the snapshots of a second do, is drawn at once. */
function draw() {
  frame ??= setTimeout(() => requestAnimationFrame(() => {
    frame = null;
    render();
  }), GATHER);
}

function render() {
  const now = Date.now();
  const { raw } = known;
  known.raw = {};
  if (raw.swarms) known.swarms = decode("swarms", raw.swarms)?.swarms ?? known.swarms;
  if (raw.peers) {
    const peers = decode("peers", raw.peers)?.peers;
    if (peers) roster.replace(peers);
  }
  const canChange = mayChange();
  if (raw.status) parts.head.update(known.status);
  if (raw.status || raw.connection) {
    showToken();
    allow(canChange);
  }
  if (raw.swarms || (known.status && raw.connection) || raw.status) {
    if (raw.swarms || known.swarms.length > 0) parts.swarms.update(known.swarms, canChange);
    parts.peers.know(known.swarms, canChange);
    known.fraction = parts.head.title(known.swarms);
  }
  const changed = canChange !== known.canChange;
  known.canChange = canChange;
  if (raw.peers || raw.roster || raw.connection || changed) parts.peers.refresh();
  if (Object.keys(raw).length > 0) parts.graph.update(roster, known.fraction, now);
  parts.chart.draw();
  parts.log.render(known.swarms);
}

function mayChange() {
  return known.phase === "live" && known.status?.can_change === true;
}

function allow(canChange) {
  byId("add").disabled = !canChange;
  byId("peer-form").querySelector("button").disabled = !canChange;
  byId("log-form").querySelector("button").disabled = !canChange;
  parts.bans.allow(canChange);
  const filter = known.status?.log ?? null;
  show(byId("log-form"), filter !== null);
  show(byId("log-none"), known.status !== null && filter === null);
  const field = byId("log-filter");
  // Not while somebody writes into it.
  if (filter !== null && document.activeElement !== field && field.dataset.shown !== filter) {
    field.value = filter;
    field.dataset.shown = filter;
  }
}

/** Asks for the token where something needs one. */
function showToken(state = null) {
  const denied = known.phase === "denied";
  const readOnly = known.phase === "live" && known.status?.can_change === false;
  show(byId("token-bar"), denied || readOnly);
  show(byId("forget"), token() !== null);
  if (denied || readOnly) {
    setText(byId("token-why"), denied ? "The node shows nothing without its token:"
      : "Read only. The node’s token lets you change things:");
  }
  const complaint = byId("token-complaint");
  const refused = token() !== null && (denied || readOnly);
  show(complaint, refused);
  if (!refused) return;
  const reason = denied && state?.reason ? `: ${clean(state.reason)}` : "";
  if (!denied || state?.reason) setText(complaint, `The node does not take this token${reason}`);
}

function setUpForms() {
  byId("token-bar").addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(byId("token").value.trim());
    byId("token").value = "";
  });
  byId("forget").addEventListener("click", () => setToken(null));
  byId("try-now").addEventListener("click", () => stream.restart());
  byId("peer-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const address = byId("peer-address").value.trim();
    const works = await perform(form.querySelector("button"),
      () => call("POST", "peers", { address }), `Calling ${address}`);
    if (works) form.reset();
  });
  byId("log-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const filter = byId("log-filter").value.trim();
    perform(event.currentTarget.querySelector("button"),
      () => call("PUT", "log", { filter }), `The log is now at ${filter}`);
  });
}

/** What goes on by itself: the countdowns, the uptime, and the line of a rate that stays. */
function tick() {
  parts.connection.render();
  parts.bans.render();
  if (known.phase === "live") {
    parts.head.tick();
    if (known.status && parts.chart.age > 1500) {
      parts.chart.push(Date.now(), known.status.down_rate || 0, known.status.up_rate || 0);
    }
  }
  if (roster.expire(Date.now())) known.raw.roster = true;
  if (roster.lost().length > 0) known.raw.fading = true;
  draw();
}

// A token that changed changes what may be done, and perhaps what may be read.
onToken(() => {
  known.status = known.status && { ...known.status, can_change: undefined };
  stream.restart();
});
window.addEventListener("unhandledrejection", (event) => {
  notice(`The page failed: ${event.reason?.message ?? event.reason}`, "bad");
});

/** Milliseconds; a reader does not see them, and a layout is saved. */
const GATHER = 60;

setUpAdding();
setUpForms();
setInterval(tick, 1000);
stream.restart();
