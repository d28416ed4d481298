// The node itself: the head line, its figures, and whether it is ready.

import { byId, el, setAttribute, setText, show } from "./dom.js";
import { UNKNOWN, bytes, clean, clock, count, duration, percent, rate, share } from "./format.js";

export class NodeHead {
  #figures = new Map();
  #status = null;
  #since = 0;
  #load = null;

  constructor() {
    for (const [id, words] of FIGURES) {
      const value = el("dd", { class: "figure", text: UNKNOWN, data: { testid: `node-${id}` } });
      this.#figures.set(id, value);
      byId("node").append(el("div", { data: { figure: id } }, el("dt", { text: words }), value));
    }
  }

  update(status) {
    this.#load = loadOf(this.#status, status) ?? this.#load;
    this.#status = status;
    this.#since = Date.now();
    const { process, actors = [] } = status;
    setText(byId("fleet"), clean(status.fleet, 80));
    setText(byId("down-rate"), rate(status.down_rate));
    setText(byId("up-rate"), rate(status.up_rate));
    const ready = byId("ready");
    setText(ready, status.ready ? "ready" : "not ready");
    setAttribute(ready, "data-tone", status.ready ? "good" : "warn");
    ready.title = `${count(status.swarms_complete)} of ${count(status.swarms)} swarms complete`;
    this.#set("listen", clean(status.listen) || UNKNOWN);
    this.#set("peer-id", clean(status.peer_id) || UNKNOWN, clean(status.peer_id));
    this.#set("version", clean(status.version) || UNKNOWN);
    this.#set("links", count(status.links));
    this.#set("received", bytes(status.received_bytes));
    this.#set("sent", bytes(status.sent_bytes));
    this.#set("memory", process ? bytes(process.resident_bytes) : UNKNOWN);
    const cpu = this.#load === null ? duration(process?.cpu_seconds ?? NaN) : percent(this.#load);
    this.#set("cpu", process ? cpu : UNKNOWN,
      process ? `${duration(process.cpu_seconds)} of one core since the start` : "");
    this.#set("process", process
      ? `${count(process.threads)} thr, ${count(process.open_files)} files` : UNKNOWN,
    process ? `process ${process.pid}` : "");
    const slowest = actors.reduce((most, actor) =>
      (actor.mailbox_age_seconds > (most?.mailbox_age_seconds ?? 0) ? actor : most), null);
    this.#set("actors", `${count(status.restarts)} restarts`, actors.map((actor) =>
      `${clean(actor.actor, 40)}: ${count(actor.restarts)} restarts, oldest message ` +
      `${actor.mailbox_age_seconds.toFixed(1)} s`).join("\n"));
    const late = slowest && slowest.mailbox_age_seconds >= LATE;
    if (late) {
      const age = slowest.mailbox_age_seconds.toFixed(1);
      this.#set("actors", `${clean(slowest.actor, 40)} ${age} s late`);
    }
    this.#tone("actors", late || status.restarts > 0);
    this.#set("rejected", count(status.rejected_pieces));
    this.#tone("rejected", status.rejected_pieces > 0);
    this.tick();
  }

  /** The uptime goes on between two snapshots; not while nobody hears of the node. */
  tick() {
    if (this.#status === null) return;
    const since = Math.floor((Date.now() - this.#since) / 1000);
    this.#set("uptime", duration(this.#status.uptime_seconds + since));
  }

  /** The title tells how far it is, for whoever has many tabs. */
  title(swarms) {
    const sum = (name) => swarms.reduce((total, swarm) => total + (swarm[name] || 0), 0);
    const fraction = share(sum("verified_bytes"), sum("size_bytes"));
    const fleet = clean(this.#status?.fleet, 40);
    const words = [fleet, swarms.length > 0 ? percent(fraction) : "", "swarmlet"].filter(Boolean);
    const title = words.join(" · ");
    if (document.title !== title) document.title = title;
    return fraction;
  }

  #set(id, text, title) {
    const value = this.#figures.get(id);
    setText(value, text);
    if (title !== undefined && value.title !== title) value.title = title;
  }

  #tone(id, bad) {
    setAttribute(this.#figures.get(id), "data-tone", bad ? "warn" : null);
  }
}

/** The state of the connection: the pill, the banner, and whether figures are stale. */
export class Connection {
  #state = { phase: "connecting" };
  #last = null;

  update(state) {
    const before = this.#state.phase;
    // Each attempt would hide the banner for a moment; it stays until one succeeded.
    if (state.phase === "connecting" && (before === "lost" || before === "denied")) {
      this.#state = { ...this.#state, retryAt: null };
    } else {
      this.#state = state;
    }
    this.render();
  }

  heard(now) {
    this.#last = now;
  }

  render() {
    const { phase, reason, retryAt } = this.#state;
    const pill = byId("connection");
    const [words, tone] = PHASES[phase];
    setText(pill, words);
    setAttribute(pill, "data-tone", tone);
    const broken = phase === "lost" || phase === "denied";
    show(byId("banner"), broken);
    document.documentElement.classList.toggle("stale", broken);
    if (!broken) return;
    const seen = this.#last === null ? "" :
      ` The figures are of ${clock(new Date(this.#last))}.`;
    setText(byId("banner-text"), phase === "lost"
      ? `Connection to the node lost: ${clean(reason)}.${seen}`
      : `The node refuses to be read: ${clean(reason)}.`);
    const left = retryAt ? Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)) : null;
    setText(byId("banner-next"), phase === "denied" ? ""
      : left === null ? "Trying…" : `Trying again in ${left} s.`);
  }
}

/** The share of a core that the process used between two snapshots. */
function loadOf(before, after) {
  if (!before?.process || !after.process || before.process.pid !== after.process.pid) return null;
  const time = after.uptime_seconds - before.uptime_seconds;
  if (time < 0.5) return null;
  return Math.max(0, after.process.cpu_seconds - before.process.cpu_seconds) / time;
}

const FIGURES = [
  ["listen", "Listens at"], ["peer-id", "Peer id"], ["version", "Version"], ["uptime", "Up for"],
  ["links", "Links"], ["received", "Received"], ["sent", "Sent"], ["rejected", "Bad pieces"],
  ["memory", "Memory"], ["cpu", "CPU"], ["process", "Process"], ["actors", "Actors"],
];

const PHASES = {
  connecting: ["connecting", "quiet"],
  live: ["live", "good"],
  lost: ["lost", "bad"],
  denied: ["refused", "bad"],
};

/** An actor answers at once; one that has not for this long has something in its way. */
const LATE = 1;
