// The list of bans. The stream tells that somebody was banned, not for how long: so the list is
// asked for anew at such a fact, and counts down by itself in between.

import { once, perform } from "./actions.js";
import { Keyed, byId, el, setText, show } from "./dom.js";
import { clean, count, duration } from "./format.js";
import { ban } from "./peers.js";
import { call } from "./session.js";

export class Bans {
  #rows;
  #bans = [];
  #isKnown = false;
  #canChange = false;
  #asking = false;
  #again = false;

  constructor() {
    this.#rows = new Keyed(byId("bans-list"), (entry) => entry.ip, (entry) => this.#row(entry));
    const form = byId("ban-form");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      if (await ban(button, byId("ban-ip").value.trim())) {
        form.reset();
        this.refresh();
      }
    });
  }

  allow(canChange) {
    if (this.#canChange === canChange) return;
    this.#canChange = canChange;
    byId("ban-form").querySelector("button").disabled = !canChange;
    this.render();
  }

  /** Asks for the list; once more if it changed meanwhile. */
  async refresh() {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const { bans } = await call("GET", "bans");
      const now = Date.now();
      this.#bans = bans.map(({ ip, seconds_left: left }) => (
        { ip, until: Number.isFinite(left) ? now + left * 1000 : null }));
      this.#isKnown = true;
      this.render();
    } catch {
      // The banner tells of a lost connection; the next fact or the next connection asks again.
    } finally {
      this.#asking = false;
      if (this.#again) this.refresh();
    }
  }

  render() {
    const now = Date.now();
    this.#bans = this.#bans.filter(({ until }) => until === null || until > now);
    const shown = this.#bans.slice(0, MOST_ROWS);
    this.#rows.render(shown);
    show(byId("bans-empty"), this.#isKnown && this.#bans.length === 0);
    setText(byId("bans-tally"), this.#bans.length === 0 ? "" : count(this.#bans.length));
  }

  #row({ ip }) {
    const left = el("span", { class: "number" });
    const button = el("button", {
      type: "button",
      text: "Unban",
      "aria-label": `Unban ${clean(ip)}`,
      data: { testid: "unban" },
      on: { click: once((event) => this.#unban(event.currentTarget, ip)) },
    });
    const name = el("span", { class: "address", text: clean(ip) });
    const element = el("li", { data: { testid: "banned", ip: clean(ip) } }, name, left, button);
    return {
      element,
      update: ({ until }) => {
        setText(left, until === null ? "for good" : duration((until - Date.now()) / 1000));
        button.disabled = !this.#canChange;
      },
    };
  }

  async #unban(button, ip) {
    const path = `bans/${encodeURIComponent(ip)}`;
    await perform(button, () => call("DELETE", path), `${clean(ip)} may connect again`);
    this.refresh();
  }
}

const MOST_ROWS = 200;
