// The map of a content's pieces, on a canvas.
//
// A thousand cells would be a thousand elements; a canvas is redrawn only when the cells changed,
// and only while somebody can see it. What is being fetched differs from the rest by a frame too,
// not by its colour alone.

import { colour, el, prepare, setText, show } from "./dom.js";
import { count, plural } from "./format.js";

export class PieceMap {
  #canvas;
  #words;
  #legend;
  #swarm = null;
  #drawn = "";
  #grid = null;

  constructor() {
    this.#canvas = el("canvas", { class: "map", role: "img", data: { testid: "piece-map" } });
    this.#words = el("span", { class: "map-words" });
    const key = (name, text) => el("span", { class: `key cell ${name}`, text });
    this.#legend = el("span", { class: "legend-line" }, key("have", "verified"),
      key("part", "partly"), key("active", "being fetched"), key("none", "missing"));
    this.element = el("figure", { class: "map-box" }, this.#canvas,
      el("figcaption", {}, this.#words, this.#legend));
    this.#canvas.addEventListener("mousemove", (event) => this.#explain(event));
    maps.set(this.#canvas, this);
    sight.observe(this.#canvas);
    sizes.observe(this.#canvas);
    this.visible = false;
  }

  dispose() {
    sight.unobserve(this.#canvas);
    sizes.unobserve(this.#canvas);
    maps.delete(this.#canvas);
  }

  update(swarm) {
    this.#swarm = swarm;
    const words = [`${count(swarm.verified_pieces)} of ${plural(swarm.pieces, "piece")} verified`];
    const active = swarm.map?.active?.length ?? 0;
    if (active > 0) words.push(`${plural(active, "cell")} active`);
    if (swarm.unchecked_pieces > 0) words.push(`${count(swarm.unchecked_pieces)} not checked yet`);
    if (swarm.pieces_without_holder > 0 && !swarm.complete) {
      words.push(`${count(swarm.pieces_without_holder)} without a holder`);
    }
    const text = words.join(", ");
    setText(this.#words, text);
    if (this.#canvas.getAttribute("aria-label") !== text) {
      this.#canvas.setAttribute("aria-label", text);
    }
    show(this.#legend, !swarm.complete);
    this.draw();
  }

  /** The colours have changed; also of what is out of sight and will be seen later. */
  recolour() {
    this.#drawn = "";
    this.draw();
  }

  /** Draws if there is something new to see. */
  draw() {
    const cells = this.#swarm?.map?.cells;
    if (!this.visible || !cells?.length) return;
    const width = this.#canvas.clientWidth;
    if (width === 0) return;
    const active = this.#swarm.map.active ?? [];
    const state = `${width} ${cells.join()} ${active.join()}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#grid = gridOf(cells, active, width);
    this.#paint(width);
  }

  #paint(width) {
    const { boxes, columns, rows, wide, high } = this.#grid;
    const height = rows * high;
    this.#canvas.style.height = `${height}px`;
    const context = prepare(this.#canvas, width, height);
    const [have, none, busy] = [colour("have"), colour("track"), colour("busy")];
    const gap = wide >= 5 ? 1 : 0;
    boxes.forEach(({ full, active }, index) => {
      const left = Math.round((index % columns) * wide);
      const right = Math.round(((index % columns) + 1) * wide) - gap;
      const top = Math.floor(index / columns) * high;
      const box = [left, top, Math.max(1, right - left), high - 1];
      context.globalAlpha = 1;
      context.fillStyle = none;
      context.fillRect(...box);
      if (full > 0) {
        context.globalAlpha = full >= 100 ? 1 : 0.25 + 0.005 * full;
        context.fillStyle = have;
        context.fillRect(...box);
      }
      if (active) this.#mark(context, box, busy);
    });
  }

  #mark(context, [left, top, width, height], busy) {
    context.globalAlpha = 1;
    context.strokeStyle = busy;
    context.lineWidth = 2;
    if (width <= 4) {
      context.fillStyle = busy;
      context.fillRect(left, top, width, height);
    } else {
      context.strokeRect(left + 1, top + 1, width - 2, height - 2);
    }
  }

  #explain(event) {
    const map = this.#swarm?.map;
    if (!this.#grid || !map) return;
    const { boxes, merged, columns, wide, high } = this.#grid;
    const column = Math.min(columns - 1, Math.floor(event.offsetX / wide));
    const index = Math.floor(event.offsetY / high) * columns + column;
    const box = boxes[index];
    if (!box) {
      this.#canvas.title = "";
      return;
    }
    const pieces = merged * map.pieces_per_cell;
    const first = index * pieces;
    const last = Math.min(first + pieces, this.#swarm.pieces) - 1;
    const which = last > first ? `pieces ${first} to ${last}` : `piece ${first}`;
    this.#canvas.title = `${which}: ${Math.floor(box.full)} % verified` +
      (box.active ? ", being fetched" : "");
  }
}

/**
 * Boxes of at least `NARROWEST` pixels in a few rows: where the cells do not fit, neighbours share
 * a box. What is all there needs one row only.
 */
function gridOf(cells, active, width) {
  const most = Math.max(1, Math.floor(width / NARROWEST));
  const idle = active.length === 0 && cells.every((full) => full >= 100);
  const merged = Math.ceil(cells.length / (most * (idle ? 1 : MOST_ROWS)));
  const busy = new Set(active.map((cell) => Math.floor(cell / merged)));
  const boxes = [];
  for (let start = 0; start < cells.length; start += merged) {
    const part = cells.slice(start, start + merged);
    const full = part.reduce((sum, each) => sum + each, 0) / part.length;
    boxes.push({ full, active: busy.has(boxes.length) });
  }
  const rows = Math.ceil(boxes.length / most);
  const columns = Math.ceil(boxes.length / rows);
  return { boxes, merged, columns, rows, wide: width / columns, high: rows === 1 ? 12 : 10 };
}

/** Narrower boxes cannot be told apart, nor framed. */
const NARROWEST = 7;

/** More rows would push the next card off the screen of a phone. */
const MOST_ROWS = 7;

const maps = new Map();

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const map = maps.get(entry.target);
    if (!map) continue;
    map.visible = entry.isIntersecting;
    map.draw();
  }
}, { rootMargin: "200px" });

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) maps.get(entry.target)?.draw();
});

document.addEventListener("themechange", () => {
  for (const map of maps.values()) map.recolour();
});
