// The swarms, a card each. A card stays where it is, and open or closed, while its figures change.

import { copy, once, order, remove } from "./actions.js";
import { Keyed, byId, el, setAttribute, setText, show } from "./dom.js";
import {
  UNKNOWN, bytes, clean, count, duration, nameOf, percent, rate, share, shortHash,
} from "./format.js";
import { Files } from "./files.js";
import { PieceMap } from "./piecemap.js";

export class Swarms {
  #cards;
  #swarms = null;
  #canChange = false;
  #all = false;
  #opened = new Map();

  constructor() {
    this.#cards = new Keyed(byId("swarms-list"), (swarm) => swarm.infohash,
      (swarm) => new Card(swarm, this));
    const render = () => this.#render();
    byId("swarms-filter").addEventListener("input", render);
    byId("swarms-unfinished").addEventListener("change", render);
    byId("swarms-more").addEventListener("click", () => {
      this.#all = true;
      render();
    });
  }

  update(swarms, canChange) {
    this.#swarms = swarms;
    this.#canChange = canChange;
    this.#render();
  }

  get canChange() {
    return this.#canChange;
  }

  /** Few swarms are shown in full; of many, those that somebody opened. */
  isOpen(infohash) {
    return this.#opened.get(infohash) ?? this.#swarms.length <= FEW;
  }

  toggle(infohash) {
    this.#opened.set(infohash, !this.isOpen(infohash));
    this.#render();
  }

  #render() {
    if (this.#swarms === null) return;
    const total = this.#swarms.length;
    const complete = this.#swarms.filter((swarm) => swarm.complete).length;
    const tally = `${count(complete)} of ${count(total)} complete`;
    setText(byId("swarms-tally"), total === 0 ? "" : tally);
    show(byId("swarms-empty"), total === 0);
    show(byId("swarms-controls"), total > FEW);
    const chosen = this.#swarms.filter((swarm) => this.#isWanted(swarm));
    const shown = this.#all ? chosen : chosen.slice(0, FIRST);
    this.#cards.render(shown);
    show(byId("swarms-more"), shown.length < chosen.length);
    setText(byId("swarms-more"), `Show all ${count(chosen.length)} swarms`);
  }

  #isWanted(swarm) {
    if (this.#swarms.length <= FEW) return true;
    if (byId("swarms-unfinished").checked && swarm.complete) return false;
    const words = byId("swarms-filter").value.trim().toLowerCase();
    return words === "" || `${nameOf(swarm)} ${swarm.infohash}`.toLowerCase().includes(words);
  }
}

class Card {
  #swarm;
  #list;
  #map = new PieceMap();
  #files;
  #parts;

  constructor(swarm, list) {
    this.#swarm = swarm;
    this.#list = list;
    this.#files = new Files(swarm.infohash);
    this.#parts = this.#build(swarm);
    this.element = this.#parts.card;
  }

  dispose() {
    this.#map.dispose();
  }

  update(swarm) {
    this.#swarm = swarm;
    const part = this.#parts;
    const done = share(swarm.verified_bytes, swarm.size_bytes, swarm.complete);
    setText(part.name, nameOf(swarm));
    part.name.title = clean(swarm.name);
    setText(part.hash, shortHash(swarm.infohash));
    setText(part.place, clean(swarm.place));
    show(part.place, Boolean(swarm.place));
    show(part.private, swarm.private);
    setText(part.state, clean(swarm.state));
    setAttribute(part.card, "data-state", clean(swarm.state));
    setText(part.progress, percent(done));
    part.fill.style.transform = `scaleX(${done})`;
    setAttribute(part.bar, "aria-valuenow", Math.floor(done * 100));
    this.#figures(swarm);
    this.#waits(swarm);
    this.#buttons(swarm);
    const open = this.#list.isOpen(swarm.infohash);
    show(part.more, open);
    part.card.classList.toggle("closed", !open);
    setAttribute(part.toggle, "aria-expanded", String(open));
    setText(part.toggle, open ? "Less" : "More");
    show(this.#map.element, open && swarm.map?.cells?.length > 0);
    if (open) {
      this.#map.update(swarm);
      this.#files.refresh();
    }
  }

  #figures(swarm) {
    const part = this.#parts;
    const whole = swarm.size_bytes > 0 ? bytes(swarm.size_bytes) : UNKNOWN;
    const some = swarm.complete ? whole : `${bytes(swarm.verified_bytes)} of ${whole}`;
    setText(part.size, swarm.size_bytes > 0 ? some : UNKNOWN);
    setText(part.down, rate(swarm.down_rate));
    setText(part.up, rate(swarm.up_rate));
    setText(part.eta, swarm.complete ? "done" : duration(swarm.eta_seconds ?? NaN));
    setText(part.links, count(swarm.links));
    setText(part.received, bytes(swarm.received_bytes));
    setText(part.sent, bytes(swarm.sent_bytes));
    const sources = swarm.from_sources_bytes;
    part.received.title = sources > 0 ? `${bytes(sources)} of it from sources` : "";
  }

  /** Why it does not go on: what keeps it, in the words of the node, and above all else. */
  #waits(swarm) {
    const part = this.#parts;
    const waits = (swarm.waits ?? [])
      .map((wait) => [clean(wait.code, 40), clean(wait.detail, 300)]);
    if (swarm.error && !waits.some(([code]) => code === "refused")) {
      waits.unshift(["refused", clean(swarm.error, 300)]);
    }
    show(part.waits, waits.length > 0);
    setText(part.why, swarm.state === "refused" ? "Why it is refused" : "Why it waits");
    const text = JSON.stringify(waits);
    if (part.waits.dataset.shown === text) return;
    part.waits.dataset.shown = text;
    part.reasons.replaceChildren(...waits.map(([code, detail]) =>
      el("li", { data: { testid: "wait", code } },
        el("span", { class: "detail", text: detail || code }), " ",
        el("code", { text: code }))));
  }

  #buttons(swarm) {
    const part = this.#parts;
    show(part.pause, !swarm.paused);
    show(part.resume, swarm.paused);
    const allowed = this.#list.canChange;
    for (const button of [part.pause, part.resume, part.verify, part.remove]) {
      if (button.disabled === allowed) button.disabled = !allowed;
      setAttribute(button, "title", allowed ? null : "needs the token");
    }
    show(part.magnet, Boolean(swarm.magnet));
  }

  #build(swarm) {
    const part = {
      name: el("h3", { class: "swarm-name", data: { testid: "name" } }),
      hash: el("code", { class: "hash", title: clean(swarm.infohash) }),
      place: el("span", { class: "place" }),
      private: el("span", {
        class: "tag",
        text: "private",
        title: "only its trackers tell of peers",
      }),
      state: el("span", { class: "pill state", data: { testid: "state" } }),
      progress: el("span", { class: "percent", data: { testid: "progress" } }),
      fill: el("span", { class: "fill" }),
      pause: this.#button("pause", "Pause", (button) => order(button, this.#swarm, "pause")),
      resume: this.#button("resume", "Resume", (button) => order(button, this.#swarm, "resume")),
      verify: this.#button("verify", "Verify", (button) => order(button, this.#swarm, "verify")),
      remove: this.#button("remove", "Remove…", (button) => remove(button, this.#swarm)),
      magnet: this.#button("magnet", "Copy magnet", () => copy(this.#swarm.magnet, "magnet link")),
      files: this.#button("show-files", "Files", (button) => this.#showFiles(button)),
      toggle: this.#button("toggle", "More", () => this.#list.toggle(this.#swarm.infohash)),
      why: el("strong", { text: "Why it waits" }),
      reasons: el("ul"),
    };
    part.toggle.classList.add("quiet");
    part.remove.classList.add("danger");
    setAttribute(part.files, "aria-expanded", "false");
    part.bar = el("div", {
      class: "bar-track",
      role: "progressbar",
      "aria-label": "Verified",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    }, part.fill);
    part.waits = el("div", { class: "waits", hidden: true }, part.why, part.reasons);
    const figures = FIGURES.map(([name, words, kind]) => {
      part[name] = el("dd", { class: "figure", data: { testid: name } });
      return el("div", { class: `fig ${kind}` }, el("dt", { text: words }), part[name]);
    });
    part.more = el("div", { class: "swarm-more" }, this.#map.element,
      el("div", { class: "buttons" }, part.pause, part.resume, part.verify, part.files,
        part.magnet, part.remove),
      this.#files.element);
    part.card = el("article", {
      class: "card",
      "aria-label": nameOf(swarm),
      data: { testid: "swarm", infohash: clean(swarm.infohash) },
    },
    el("div", { class: "card-head" },
      el("div", { class: "title" }, part.name,
        el("p", { class: "sub" }, part.hash, part.private, part.place)),
      part.state, part.toggle),
    el("div", { class: "progress" }, part.bar, part.progress),
    el("dl", { class: "figures" }, ...figures),
    part.waits, part.more);
    return part;
  }

  #button(testid, text, act) {
    const listener = once((event) => act(event.currentTarget));
    return el("button", { type: "button", text, data: { testid }, on: { click: listener } });
  }

  #showFiles(button) {
    this.#files.toggle();
    setAttribute(button, "aria-expanded", String(this.#files.isOpen));
    setText(button, this.#files.isOpen ? "Hide files" : "Files");
  }
}

const FIGURES = [
  ["size", "Size", "long"], ["down", "Down", "down"], ["up", "Up", "up"], ["eta", "Left", ""],
  ["links", "Links", "short"], ["received", "Received", "extra"], ["sent", "Sent", "extra"],
];

/** So many cards fit without getting in each other's way. */
const FEW = 6;

/** More cards are shown only to whoever asks. */
const FIRST = 20;
