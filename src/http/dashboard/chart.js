// The rates of the last five minutes, on a canvas.
//
// Down and up differ by their line as well as by their colour. While nobody tells of the rates the
// line is broken: it must not look as if the node had stood still.

import { byId, colour, prepare, setText } from "./dom.js";
import { clock, rate } from "./format.js";

export class Chart {
  #canvas = byId("chart");
  #samples = [];
  #pointer = null;

  constructor() {
    const point = (x) => {
      this.#pointer = x;
      this.draw();
    };
    this.#canvas.addEventListener("pointermove", (event) => point(event.offsetX));
    this.#canvas.addEventListener("pointerleave", () => point(null));
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    document.addEventListener("themechange", () => this.draw());
  }

  push(time, down, up) {
    this.#samples.push({ time, down, up });
    const oldest = time - SPAN - 2000;
    while (this.#samples.length > 0 && this.#samples[0].time < oldest) this.#samples.shift();
  }

  /** The rates are unknown from now on. */
  gap(time) {
    const last = this.#samples.at(-1);
    if (last && last.down !== null) this.push(time, null, null);
  }

  get age() {
    return Date.now() - (this.#samples.at(-1)?.time ?? 0);
  }

  draw() {
    const width = this.#canvas.clientWidth;
    const height = this.#canvas.clientHeight;
    if (width === 0) return;
    const now = Date.now();
    const known = this.#samples.filter(({ down }) => down !== null);
    const highest = Math.max(1024, ...known.map(({ down, up }) => Math.max(down, up)));
    const { top, step } = scaleOf(highest);
    const area = { left: LEFT, right: width - 8, top: 10, bottom: height - 20 };
    const x = (time) => area.right - ((now - time) / SPAN) * (area.right - area.left);
    const y = (value) => area.bottom - (value / top) * (area.bottom - area.top);
    const context = prepare(this.#canvas, width, height);
    this.#axes(context, area, top, step, y);
    context.save();
    context.beginPath();
    context.rect(area.left, 0, area.right - area.left, height);
    context.clip();
    for (const run of runsOf(this.#samples)) {
      this.#line(context, run, "down", [], x, y, area.bottom);
      this.#line(context, run, "up", [5, 3], x, y, area.bottom);
    }
    context.restore();
    this.#readout(context, known, area, x, y);
  }

  #axes(context, area, top, step, y) {
    context.font = "11px system-ui, sans-serif";
    context.lineWidth = 1;
    context.strokeStyle = colour("line");
    context.fillStyle = colour("muted");
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let value = 0; value <= top * 1.001; value += step) {
      const level = Math.round(y(value)) + 0.5;
      context.beginPath();
      context.moveTo(area.left, level);
      context.lineTo(area.right, level);
      context.stroke();
      context.fillText(value === 0 ? "0" : tick(value), area.left - 6, level);
    }
    context.textBaseline = "alphabetic";
    const isNarrow = area.right - area.left < 420;
    for (let minutes = 0; minutes <= 5; minutes += 1) {
      if (isNarrow && minutes === 4) continue; // It would touch its neighbour.
      const at = area.right - (minutes / 5) * (area.right - area.left);
      context.textAlign = minutes === 0 ? "right" : minutes === 5 ? "left" : "center";
      const words = minutes === 0 ? "now" : minutes === 5 ? "−5 min" : `−${minutes}`;
      context.fillText(words, at, area.bottom + 15);
    }
  }

  #line(context, run, which, dash, x, y, bottom) {
    context.beginPath();
    for (const sample of run) context.lineTo(x(sample.time), y(sample[which]));
    context.strokeStyle = colour(which);
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
    context.lineTo(x(run.at(-1).time), bottom);
    context.lineTo(x(run[0].time), bottom);
    context.fillStyle = colour(which);
    context.globalAlpha = which === "down" ? 0.12 : 0.06;
    context.fill();
    context.globalAlpha = 1;
  }

  #readout(context, known, area, x, y) {
    const text = byId("chart-readout");
    if (known.length === 0) {
      setText(text, "No rates are known yet.");
      return;
    }
    if (this.#pointer === null) {
      const peak = (which) => Math.max(...known.map((sample) => sample[which]));
      const words = `Peak of five minutes: down ${rate(peak("down"))}, up ${rate(peak("up"))}`;
      setText(text, words);
      const { down, up } = known.at(-1);
      this.#canvas.setAttribute("aria-label",
        `Rates over the last five minutes. Now: down ${rate(down)}, up ${rate(up)}. ${words}`);
      return;
    }
    const distance = (sample) => Math.abs(x(sample.time) - this.#pointer);
    const near = known.reduce((best, each) => (distance(each) < distance(best) ? each : best));
    const at = Math.round(x(near.time)) + 0.5;
    context.strokeStyle = colour("muted");
    context.beginPath();
    context.moveTo(at, area.top);
    context.lineTo(at, area.bottom);
    context.stroke();
    for (const which of ["down", "up"]) {
      context.fillStyle = colour(which);
      context.beginPath();
      context.arc(at, y(near[which]), 3.5, 0, 2 * Math.PI);
      context.fill();
    }
    setText(text, `${clock(new Date(near.time))}: down ${rate(near.down)}, up ${rate(near.up)}`);
  }
}

/** Stretches without a hole. */
function runsOf(samples) {
  const runs = [];
  let run = null;
  let last = -Infinity;
  for (const sample of samples) {
    if (sample.down === null) {
      run = null;
      continue;
    }
    if (run === null || sample.time - last > HOLE) {
      run = [];
      runs.push(run);
    }
    run.push(sample);
    last = sample.time;
  }
  return runs;
}

/** An end of the axis, and steps, that are round where a KiB is 1024 bytes. */
function scaleOf(highest) {
  const step = 2 ** Math.ceil(Math.log2(highest / 4));
  return { top: Math.ceil((highest / step) - 1e-9) * step, step };
}

function tick(value) {
  return rate(value).replace(/\.0+ /, " ").replace(/(\.\d*[1-9])0+ /, "$1 ");
}

const SPAN = 300_000;

/** A page in the background is woken once a minute; what is longer was not watched. */
const HOLE = 65_000;

const LEFT = 74;
