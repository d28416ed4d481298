// The table of peers: who is linked, and, struck through, who was until a moment ago.
//
// Rows stay where they are while figures change: the order is by address until the reader chooses
// another. Of thousands only the first rows are made.

import { ask, once, perform } from "./actions.js";
import { Keyed, byId, el, setAttribute, setText, show } from "./dom.js";
import {
  UNKNOWN, bytes, clean, count, duration, hostOf, nameOf, percent, rate, roundTrip, shortHash,
} from "./format.js";
import { call } from "./session.js";

export class Peers {
  #rows;
  #roster;
  #names = new Map();
  #canChange = false;
  #all = false;
  #isLong = false;
  #rendered = 0;
  #sort = { by: "address", down: false };
  #heads = new Map();

  constructor(roster) {
    this.#roster = roster;
    this.#rows = new Keyed(byId("peers-body"), (row) => row.key,
      (row) => (row.gone ? new LostRow() : new Row(this)));
    byId("peers-filter").addEventListener("input", () => this.render());
    byId("peers-more").addEventListener("click", () => {
      this.#all = !this.#all;
      this.render();
    });
    this.#buildHead();
    byId("flags-legend").replaceChildren(...Object.entries(FLAGS).flatMap(([flag, words]) => [
      el("dt", {}, el("code", { text: flag })), el("dd", { text: words })]));
  }

  get canChange() {
    return this.#canChange;
  }

  /** Whether there are so many rows that only those in sight are filled. */
  get isLong() {
    return this.#isLong;
  }

  /** The name of a content, where there is more than one. */
  contentOf(peer) {
    if (this.#names.size < 2 || !peer.infohash) return "";
    return this.#names.get(peer.infohash) ?? shortHash(peer.infohash);
  }

  know(swarms, canChange) {
    this.#names = new Map(swarms.map((swarm) => [swarm.infohash, nameOf(swarm)]));
    this.#canChange = canChange;
  }

  /** After a snapshot. A long table is laid out anew now and then only. */
  refresh() {
    if (!this.#isLong || Date.now() - this.#rendered >= LONG_PAUSE) this.render();
  }

  render() {
    this.#rendered = Date.now();
    const here = this.#roster.here();
    const lost = this.#roster.lost();
    const words = byId("peers-filter").value.trim().toLowerCase();
    const isWanted = (peer) => words === "" ||
      `${peer.address} ${peer.client ?? ""} ${peer.class} ${this.contentOf(peer)}`
        .toLowerCase().includes(words);
    const rows = here.filter(isWanted)
      .map((peer) => ({ key: `link ${peer.link ?? peer.address}`, peer }));
    const gone = lost.filter(({ peer }) => isWanted(peer)).slice(0, MOST_LOST_ROWS)
      .map(({ peer, reason, at }) => (
        { key: `lost ${at} ${peer.address} ${peer.infohash}`, peer, reason, at, gone: true }));
    // A lost peer stays where it was, so that nothing moves under the pointer.
    let room = this.#all ? Infinity : MOST_ROWS;
    this.#isLong = this.#all && rows.length > MOST_ROWS;
    const order = this.#order();
    this.#rows.render([...rows, ...gone].sort((one, other) => order(one.peer, other.peer))
      .filter((row) => row.gone || room-- > 0));
    const fleet = here.filter((peer) => peer.class === "fleet").length;
    setText(byId("peers-tally"), here.length === 0 ? ""
      : `${count(fleet)} of the fleet, ${count(here.length - fleet)} foreign`);
    show(byId("peers-table"), rows.length + gone.length > 0);
    show(byId("peers-empty"), this.#roster.isKnown && rows.length + gone.length === 0);
    setText(byId("peers-empty"), here.length > 0 ? "No peer matches the filter." : "No peers yet.");
    show(byId("peers-more"), rows.length > MOST_ROWS);
    setText(byId("peers-more"), this.#all ? `Show the first ${MOST_ROWS}`
      : `Show all ${count(rows.length)} peers`);
  }

  #order() {
    const { by, down } = this.#sort;
    const { value } = COLUMNS.find((column) => column.id === by);
    const sign = down ? -1 : 1;
    return (one, other) => {
      const [a, b] = [keyOf(value(one)), keyOf(value(other))];
      if (a === b) return (one.link ?? 0) - (other.link ?? 0);
      if (a === null || a === undefined) return 1; // What nobody knows comes last either way.
      if (b === null || b === undefined) return -1;
      return (a < b ? -1 : 1) * sign;
    };
  }

  #sortBy(by, down) {
    this.#sort = { by, down };
    for (const [id, { head }] of this.#heads) {
      setAttribute(head, "aria-sort", id !== by ? null : down ? "descending" : "ascending");
    }
    byId("peers-sort").value = by;
    this.render();
  }

  #buildHead() {
    const select = byId("peers-sort");
    for (const { id, words, title, falling, kind } of COLUMNS) {
      const button = el("button", { type: "button", text: words, title: title ?? null, on: {
        click: () => this.#sortBy(id, this.#sort.by === id ? !this.#sort.down : Boolean(falling)),
      } });
      const head = el("th", { scope: "col", class: kind }, button);
      this.#heads.set(id, { head });
      byId("peers-head").append(head);
      select.append(el("option", { value: id, text: title ?? words }));
    }
    byId("peers-head").append(el("th", { scope: "col", class: "act" },
      el("span", { class: "hidden", text: "Actions" })));
    select.addEventListener("change", () => {
      this.#sortBy(select.value, Boolean(COLUMNS.find(({ id }) => id === select.value).falling));
    });
    setAttribute(this.#heads.get("address").head, "aria-sort", "ascending");
  }
}

/** Asks for how long, and bans. */
export async function ban(button, ip) {
  const seconds = await ask({
    title: "Ban this address?",
    text: `The node closes its links to ${clean(ip)} and takes no others from it.`,
    verb: "Ban",
    choices: [["600", "ten minutes"], ["3600", "an hour"], ["86400", "a day"], ["", "good"]],
  });
  if (seconds === null) return false;
  const body = seconds === "" ? { ip } : { ip, seconds: Number(seconds) };
  return perform(button, () => call("POST", "bans", body), `Banned ${clean(ip)}`);
}

class Row {
  #table;
  #cells = new Map();
  #peer = null;
  #near = false;
  #ban;

  constructor(table) {
    this.#table = table;
    this.element = el("tr", { data: { testid: "peer" } });
    for (const { id, words, kind } of COLUMNS) {
      const cell = el("td", { class: kind, data: { label: words } });
      this.#cells.set(id, cell);
      this.element.append(cell);
    }
    const address = this.#cells.get("address");
    address.append(el("span", { class: "address" }), el("span", { class: "content" }));
    const has = this.#cells.get("has");
    has.append(el("span", { class: "mini" }, el("span", { class: "fill" })), el("span"));
    this.#ban = el("button", {
      type: "button",
      text: "Ban",
      data: { testid: "ban" },
      on: { click: once((event) => ban(event.currentTarget, hostOf(this.#peer.address))) },
    });
    this.element.append(el("td", { class: "act" }, this.#ban));
    rowsOf.set(this.element, this);
    sight.observe(this.element);
  }

  dispose() {
    sight.unobserve(this.element);
  }

  come(near) {
    this.#near = near;
    if (near && this.#peer) this.#fill(this.#peer);
  }

  update({ peer }) {
    const isNew = this.#peer === null;
    this.#peer = peer;
    if (this.#near || !this.#table.isLong) {
      this.#fill(peer);
    } else if (isNew) {
      setAttribute(this.element, "data-address", clean(peer.address));
      setText(this.#cells.get("address").firstElementChild, clean(peer.address));
    }
  }

  #fill(peer) {
    setAttribute(this.element, "data-address", clean(peer.address));
    setAttribute(this.element, "data-class", clean(peer.class));
    const content = this.#table.contentOf(peer);
    const [address, where] = this.#cells.get("address").children;
    setText(address, clean(peer.address));
    setText(where, content);
    show(where, content !== "");
    const [mini, has] = this.#cells.get("has").children;
    const known = Number.isFinite(peer.verified_fraction);
    mini.firstElementChild.style.transform = `scaleX(${known ? peer.verified_fraction : 0})`;
    setText(has, percent(peer.verified_fraction ?? NaN));
    this.#text("client", clean(peer.client, 80) || UNKNOWN);
    this.#text("class", clean(peer.class));
    this.#text("direction", clean(peer.direction));
    this.#text("rtt", roundTrip(peer.round_trip_seconds ?? NaN));
    this.#text("down", rate(peer.down_rate));
    this.#text("up", rate(peer.up_rate));
    this.#text("received", bytes(peer.received_bytes));
    this.#text("sent", bytes(peer.sent_bytes));
    this.#flags(clean(peer.flags, 16));
    this.element.title = `connected for ${duration(peer.connected_seconds)}, ` +
      `${clean(peer.transport)}${peer.secured ? ", secured by the fleet secret" : peer.encrypted ? ", encrypted" : ""}`;
    const allowed = this.#table.canChange;
    if (this.#ban.disabled === allowed) this.#ban.disabled = !allowed;
    setAttribute(this.#ban, "aria-label", `Ban ${hostOf(peer.address)}`);
  }

  #text(id, text) {
    setText(this.#cells.get(id), text);
  }

  #flags(flags) {
    const cell = this.#cells.get("flags");
    if (cell.textContent === flags) return;
    cell.replaceChildren(...[...flags].map((flag) =>
      el("abbr", { text: flag, title: FLAGS[flag] ?? "unknown flag" })));
  }
}

class LostRow {
  #words;

  constructor() {
    this.#words = el("td", { colspan: COLUMNS.length + 1 });
    this.element = el("tr", { class: "lost", data: { testid: "lost-peer" } }, this.#words);
  }

  update({ peer, reason, at }) {
    setAttribute(this.element, "data-address", clean(peer.address));
    const who = [clean(peer.address), clean(peer.client, 80), clean(peer.class)].filter(Boolean);
    const text = JSON.stringify([who, reason]);
    if (this.#words.dataset.shown === text) return;
    this.#words.dataset.shown = text;
    this.#words.replaceChildren(
      el("span", { class: "pill", data: { tone: "bad" }, text: "lost" }), " ",
      el("s", { text: who.join("  ") }), " ",
      el("span", { class: "reason", text: clean(reason) || "no reason was told" }));
    // A row that is made late, as after a reload, fades as if it had been there all the time.
    this.element.style.animationDelay = `${Math.min(0, at - Date.now())}ms`;
  }
}

const FLAGS = {
  D: "we want of it, and may fetch",
  d: "we want of it, and it chokes us",
  U: "it wants of us, and may fetch",
  u: "it wants of us, and we choke it",
  E: "the link is encrypted",
  S: "the fleet secret secures the link",
  I: "the peer called us",
  F: "the peer is a swarmlet",
  T: "the link goes over uTP",
};

/** `falling`: whether the first press sorts from high to low, as for all that is measured. */
const COLUMNS = [
  ["address", "Address", "wide", (peer) => peer.address],
  ["client", "Client", "client", (peer) => peer.client],
  ["class", "Class", "class", (peer) => peer.class],
  ["direction", "Dir", "dir", (peer) => peer.direction, "Direction"],
  ["rtt", "RTT", "number rtt", (peer) => peer.round_trip_seconds, "Round trip time"],
  ["down", "Down", "number down", (peer) => peer.down_rate],
  ["up", "Up", "number up", (peer) => peer.up_rate],
  ["received", "Received", "number sum", (peer) => peer.received_bytes],
  ["sent", "Sent", "number sum", (peer) => peer.sent_bytes],
  ["has", "Has", "number has", (peer) => peer.verified_fraction, "How much it has"],
  ["flags", "Flags", "flags", (peer) => peer.flags],
].map(([id, words, kind, value, title]) => (
  { id, words, kind, value, title, falling: kind.startsWith("number") && id !== "rtt" }));

/** What sorts as people expect: numbers within words by value, capitals like small letters. */
function keyOf(value) {
  if (typeof value !== "string") return value;
  let key = keys.get(value);
  if (key === undefined) {
    key = value.slice(0, 100).toLowerCase().replace(/\d+/g, (digits) => digits.padStart(6, "0"));
    if (keys.size >= MOST_KEYS) keys.clear();
    keys.set(value, key);
  }
  return key;
}

const keys = new Map();

/** The addresses and clients of more links than a node has; a key costs more than a comparison. */
const MOST_KEYS = 20_000;

/** Rows of a long table that come into sight are filled then. */
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) rowsOf.get(target)?.come(isIntersecting);
}, { rootMargin: "300px" });

const rowsOf = new WeakMap();

/** More rows than anybody reads; each costs a dozen cells a second. */
const MOST_ROWS = 200;

const MOST_LOST_ROWS = 20;

/** Thousands of rows take a browser some tenths of a second, too much of each second. */
const LONG_PAUSE = 4000;
