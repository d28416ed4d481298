// The files of a swarm, asked for while somebody looks at them.
//
// Invariant: only an address of this origin becomes a link. Where reading content needs the token,
// which a link cannot bear, a file is fetched with it and handed to the browser as a download.

import { notice } from "./actions.js";
import { Keyed, el, setText, setAttribute, show } from "./dom.js";
import { bytes, clean, count, percent, share } from "./format.js";
import { answer, call, headers, isGuarded } from "./session.js";

export class Files {
  #infohash;
  #list;
  #rows;
  #head;
  #more;
  #about;
  #detail = null;
  #all = false;
  #open = false;
  #guarded = false;
  #asked = 0;

  constructor(infohash) {
    this.#infohash = infohash;
    this.#head = el("p", { class: "files-head", text: "Asking the node…" });
    this.#list = el("ul", { class: "rows files", data: { testid: "files" } });
    this.#more = el("button", { type: "button", class: "more", hidden: true });
    this.#about = el("dl", { class: "about" });
    this.element = el("div", { class: "files-box", hidden: true },
      this.#head, this.#list, this.#more, this.#about);
    const load = (event, file) => this.#load(event, file);
    this.#rows = new Keyed(this.#list, (file) => file.path, () => new Row(load));
    this.#more.addEventListener("click", () => {
      this.#all = true;
      this.#render();
    });
  }

  get isOpen() {
    return this.#open;
  }

  toggle() {
    this.#open = !this.#open;
    show(this.element, this.#open);
    if (this.#open) this.refresh(true);
  }

  /** Asks again where it is worth it: only while open, and not at every snapshot. */
  async refresh(now = false) {
    if (!this.#open || (!now && Date.now() - this.#asked < EVERY)) return;
    this.#asked = Date.now();
    try {
      const first = this.#detail === null;
      this.#detail = await call("GET", `swarms/${encodeURIComponent(this.#infohash)}`);
      const url = first && linkTo(this.#detail.files?.[0]?.url);
      if (url) this.#guarded = await isGuarded(url);
      this.#render();
    } catch (problem) {
      setText(this.#head, clean(problem.message));
    }
  }

  #render() {
    const { files = [], files_total: total = files.length } = this.#detail;
    const shown = this.#all ? files : files.slice(0, FIRST);
    const beyond = total > files.length ? `, the first ${count(files.length)} are listed` : "";
    setText(this.#head, total === 0
      ? "No files are known yet."
      : `${count(total)} ${total === 1 ? "file" : "files"}${beyond}`);
    this.#rows.render(shown);
    show(this.#more, shown.length < files.length);
    setText(this.#more, `Show all ${count(files.length)} files`);
    const about = [["Infohash", this.#infohash], ["Place", this.#detail.place],
      ["Piece length", this.#detail.piece_length > 0 ? bytes(this.#detail.piece_length) : null],
      ["Trackers", (this.#detail.trackers ?? []).flat().join("\n")],
      ["Sources", (this.#detail.sources ?? []).join("\n")]];
    const lines = about.filter(([, text]) => text).flatMap(([name, text]) => [
      el("dt", { text: name }),
      el("dd", {}, ...text.split("\n").map((line) => el("div", { text: clean(line) })))]);
    this.#about.replaceChildren(...lines);
  }

  async #load(event, file) {
    if (!this.#guarded) return;
    event.preventDefault();
    if (file.size_bytes > LARGEST_DOWNLOAD) {
      notice(`${clean(file.path)} is too large for the page to fetch with the token; ` +
        "use another client with an Authorization header", "bad");
      return;
    }
    notice(`Fetching ${clean(file.path)}`);
    try {
      const response = await answer(linkTo(file.url), { headers: headers(), credentials: "omit" });
      const address = URL.createObjectURL(await response.blob());
      const name = file.path.split("/").pop();
      el("a", { href: address, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (problem) {
      notice(problem.message, "bad");
    }
  }
}

class Row {
  #name;
  #link;
  #size;
  #part;
  #file = null;

  constructor(load) {
    this.#name = el("span", { class: "file-name" });
    this.#link = el("a", {
      class: "file-name",
      target: "_blank",
      rel: "noopener noreferrer",
      on: { click: (event) => load(event, this.#file) },
    });
    this.#part = el("span", { class: "number" });
    this.#size = el("span", { class: "number" });
    this.element = el("li", { data: { testid: "file" } },
      this.#link, this.#name, this.#part, this.#size);
  }

  update(file) {
    this.#file = file;
    const url = file.selected === false ? null : linkTo(file.url);
    const path = clean(file.path);
    setText(this.#link, path);
    setText(this.#name, path);
    setAttribute(this.#link, "href", url);
    show(this.#link, url !== null);
    show(this.#name, url === null);
    const done = share(file.verified_bytes, file.size_bytes, file.size_bytes === 0);
    setText(this.#part, file.selected === false ? "not selected" : percent(done));
    setText(this.#size, bytes(file.size_bytes));
  }
}

/** The address of a file, if it is one of this origin. */
function linkTo(url) {
  if (typeof url !== "string") return null;
  try {
    const whole = new URL(url, document.baseURI);
    return whole.origin === location.origin ? whole.href : null;
  } catch {
    return null;
  }
}

/** Milliseconds between two questions for the same files. */
const EVERY = 3000;

/** Enough for most contents; a thousand rows at once would be felt. */
const FIRST = 100;

/** The page holds such a download in memory. */
const LARGEST_DOWNLOAD = 512 * 1024 * 1024;
