// The stream of events of the node, read for as long as the page lives.
//
// It is read with fetch, as EventSource cannot bear an Authorization header. A stream that ends or
// falls silent is opened again, with the id of the last fact, after a pause that doubles.
// Invariant: at most one connection is open, and each change of its state is told.

import { answer, headers } from "./session.js";

/**
 * `onEvent(name, data, id)` gets the text of each event; `onState({phase, reason, retryAt, skew})`
 * each change. The phases: `connecting`, `live`, `lost` (will be tried again), `denied` (will not,
 * until there is another token).
 */
export class Stream {
  #onEvent;
  #onState;
  #lastId = null;
  #failures = 0;
  #abort = null;
  #timer = null;

  constructor(onEvent, onState) {
    this.#onEvent = onEvent;
    this.#onState = onState;
    window.addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.retry();
    });
  }

  /** Opens the stream anew, whatever it is doing now. */
  restart() {
    this.#failures = 0;
    this.#open();
  }

  /** Ends the pause before the next attempt, if there is one. */
  retry() {
    if (this.#timer !== null) this.#open();
  }

  async #open() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#onState({ phase: "connecting" });
    let problem;
    try {
      problem = await this.#read(abort);
    } catch (error) {
      problem = error;
    }
    abort.abort(); // Nothing more of this connection, also where a listener threw.
    if (this.#abort !== abort) return; // Another connection has taken its place.
    const reason = problem.message || "the connection broke";
    if (problem.denied) {
      this.#onState({ phase: "denied", reason });
      return;
    }
    const pause = this.#pause();
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#open(), pause);
    this.#onState({ phase: "lost", reason, retryAt: Date.now() + pause });
  }

  /** Reads until the end; gives why it ended. */
  async #read(abort) {
    let silent = false;
    let heard = Date.now();
    const watch = setInterval(() => {
      if (Date.now() - heard < SILENCE) return;
      silent = true;
      abort.abort();
    }, 1000);
    try {
      const more = { Accept: "text/event-stream" };
      if (this.#lastId !== null) more["Last-Event-ID"] = this.#lastId;
      const response = await answer("api/v1/events", {
        headers: headers(more),
        cache: "no-store",
        credentials: "omit",
        signal: abort.signal,
      });
      this.#onState({ phase: "live", skew: skewOf(response) });
      const parser = new Parser((name, data, id) => {
        if (id !== null) this.#lastId = id;
        this.#failures = 0;
        if (this.#abort === abort) this.#onEvent(name, data, id);
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return new Error("the node ended the connection");
        heard = Date.now();
        parser.push(value);
      }
    } catch (error) {
      if (silent) return new Error(`the node said nothing for ${SILENCE / 1000} s`);
      if (error.status !== undefined) return error;
      return new Error("the connection broke");
    } finally {
      clearInterval(watch);
    }
  }

  /** Doubled at each failure, and spread, so that many pages do not come back at once. */
  #pause() {
    const doubled = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures);
    return doubled * (0.8 + 0.4 * Math.random());
  }
}

/** Cuts a text/event-stream into events. A line is joined once, however many pieces it came in. */
export class Parser {
  #emit;
  #line = "";
  #afterReturn = false;
  #name = "";
  #data = [];
  #id = null;

  constructor(emit) {
    this.#emit = emit;
  }

  push(chunk) {
    let start = 0;
    for (let at = nextBreak(chunk, 0); at >= 0; at = nextBreak(chunk, start)) {
      const isSecondHalf = this.#afterReturn && at === 0 && chunk[at] === "\n";
      if (!isSecondHalf) this.#take(this.#line + chunk.slice(start, at));
      this.#line = "";
      this.#afterReturn = false;
      start = at + 1;
      if (chunk[at] === "\r") {
        if (chunk[start] === "\n") start += 1;
        else this.#afterReturn = start === chunk.length;
      }
    }
    if (start < chunk.length) this.#afterReturn = false;
    this.#line += chunk.slice(start);
  }

  #take(line) {
    if (line === "") {
      if (this.#data.length > 0) {
        this.#emit(this.#name || "message", this.#data.join("\n"), this.#id);
      }
      this.#name = "";
      this.#data = [];
      this.#id = null;
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // A comment: the node is alive.
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}

function nextBreak(text, from) {
  const feed = text.indexOf("\n", from);
  const carriage = text.indexOf("\r", from);
  if (feed < 0) return carriage;
  return carriage < 0 ? feed : Math.min(feed, carriage);
}

/** By how many milliseconds the node's clock is ahead of ours; 0 where it does not say. */
function skewOf(response) {
  const date = Date.parse(response.headers.get("Date") ?? "");
  const skew = date - Date.now();
  return Number.isNaN(date) || Math.abs(skew) < 2000 ? 0 : skew;
}

/** The node sends a comment every 15 s; a connection without one for this long is dead. */
const SILENCE = 20_000;

/** Short enough for a node that only restarts. */
const FIRST_PAUSE = 1000;

/** Long enough to be no burden, short enough that nobody reloads the page by hand. */
const LONGEST_PAUSE = 30_000;
