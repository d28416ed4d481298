// The log of events, newest first. Facts that come in a burst are added together, and what is
// older than the last few hundred is let go.

import { byId, el, setText, show } from "./dom.js";
import { clean, clock, count, nameOf } from "./format.js";

export class Log {
  #list = byId("events-list");
  #waiting = [];
  #lines = [];
  #seen = new Set();

  constructor() {
    byId("events-filter").addEventListener("input", () => this.#filter());
  }

  /** Takes a fact, or a note of the page itself. Facts that were told before are left out. */
  add(kind, fact, id = null) {
    const time = new Date(fact.time ?? Date.now());
    const text = clean(fact.text) || wordsOf(fact);
    if (id !== null) {
      // A node that starts anew counts from the beginning: the id alone does not tell facts apart.
      const mark = `${id} ${fact.time} ${kind}`;
      if (this.#seen.has(mark)) return;
      this.#seen.add(mark);
      if (this.#seen.size > MOST_LINES * 4) this.#seen.delete(this.#seen.values().next().value);
    }
    const infohash = clean(fact.infohash, 40);
    this.#waiting.push({ kind: clean(kind, 40), time, text, infohash });
    if (this.#waiting.length > MOST_LINES) this.#waiting.shift();
  }

  /** Shows what came since the last time, with the names of the contents that have one by now. */
  render(swarms) {
    if (this.#waiting.length === 0) return;
    const names = new Map(swarms.map((swarm) => [swarm.infohash, nameOf(swarm)]));
    const fresh = this.#waiting.reverse().map((fact) => lineOf(fact, names));
    this.#waiting = [];
    // Whoever reads further below must not lose the line.
    const before = this.#list.scrollTop > 0 ? this.#list.scrollHeight : null;
    this.#list.prepend(...fresh.map(({ element }) => element));
    this.#lines.unshift(...fresh);
    for (const { element } of this.#lines.splice(MOST_LINES)) element.remove();
    this.#filter(fresh.length);
    if (before !== null) this.#list.scrollTop += this.#list.scrollHeight - before;
  }

  #filter(first = this.#lines.length) {
    const words = byId("events-filter").value.trim().toLowerCase();
    for (const { element, search } of this.#lines.slice(0, first)) {
      show(element, words === "" || search.includes(words));
    }
    const shown = words === "" ? this.#lines.length
      : this.#lines.filter(({ element }) => !element.hidden).length;
    const tally = `${count(shown)} of ${count(this.#lines.length)}`;
    setText(byId("events-tally"), words === "" ? "" : tally);
    show(byId("events-empty"), shown === 0);
    setText(byId("events-empty"),
      words === "" ? "Nothing has happened yet." : "No event matches the filter.");
  }
}

function lineOf({ kind, time, text, infohash }, names) {
  const name = names.get(infohash) ?? infohash;
  const words = text.replace(infohash, () => name);
  const element = el("li", { data: { testid: "event", kind, tone: TONES[kind] ?? "quiet" } },
    el("time", { text: clock(time), title: time.toString(), datetime: stamp(time) }),
    el("span", { class: "kind", text: kind }),
    el("span", { class: "what", text: words, title: infohash || null }));
  return { element, search: `${kind} ${words} ${infohash}`.toLowerCase() };
}

function stamp(time) {
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** For a fact without a line of its own. */
function wordsOf(fact) {
  return Object.entries(fact).filter(([name]) => name !== "time" && name !== "text")
    .map(([name, value]) => `${clean(name, 40)} ${clean(value, 200)}`).join(", ");
}

const TONES = {
  "completed": "good", "content-known": "good", "storage-resumed": "good", "swarm-resumed": "good", "healed": "good",
  "peer-lost": "warn", "incomplete": "warn", "swarm-paused": "warn", "banned": "warn",
  "lagged": "warn", "connection": "warn",
  "content-refused": "bad", "storage-paused": "bad", "damaged": "bad", "actor-panicked": "bad", "actor-stuck": "bad", "thread-stuck": "bad", "failed": "bad",
};

/** What a browser lays out without being felt. */
const MOST_LINES = 300;
