// This node in the middle, and whom it is linked to around it.
//
// A node that has several links is drawn once. Fleet and foreign differ by shape, how much a node
// has by the height of its fill, and the rates by the width of its two lines; a lost node fades,
// with a cross on it. Positions glide, so that the eye can follow when somebody joins.

import { Keyed, byId, setAttribute, setText, svg } from "./dom.js";
import { clean, count, hostOf, percent, plural, rate } from "./format.js";
import { LINGER, nodeOf } from "./roster.js";

export class Graph {
  #drawing = byId("graph");
  #edges;
  #nodes;
  #centre;
  #places = new Map();
  #order = new Map();
  #next = 0;
  #frame = null;
  #still = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor() {
    const clip = (id, shape) => svg("clipPath", { id }, shape);
    const edges = svg("g", { class: "edges" });
    const nodes = svg("g", { class: "nodes" });
    this.#drawing.append(
      svg("defs", {}, clip("clip-fleet", svg("circle", { r: 1 })),
        clip("clip-foreign", svg("path", { d: DIAMOND }))),
      edges, nodes);
    this.#centre = new Node("fleet");
    this.#centre.element.classList.add("self");
    this.#drawing.append(this.#centre.element);
    this.#edges = new Keyed(edges, (node) => node.id, () => new Edge());
    this.#nodes = new Keyed(nodes, (node) => node.id, (node) => new Node(node.class));
  }

  /** `fraction`: how much this node has of all that it is to have. */
  update(roster, fraction, now) {
    const all = this.#gather(roster);
    for (const node of all) {
      if (!this.#order.has(node.id)) this.#order.set(node.id, this.#next++);
    }
    const ids = new Set(all.map((node) => node.id));
    for (const id of this.#order.keys()) if (!ids.has(id)) this.#order.delete(id);
    const shown = choose(all).sort((a, b) => this.#order.get(a.id) - this.#order.get(b.id));
    this.#place(shown);
    const names = shown.length <= MOST_NAMED ? namesOf(shown) : new Map();
    for (const node of shown) {
      node.name = names.get(node.id) ?? "";
      node.fade = node.lost ? 1 - 0.7 * Math.min(1, (now - node.at) / LINGER) : 1;
    }
    this.#edges.render(shown);
    this.#nodes.render(shown);
    const title = `this node has ${percent(fraction)}`;
    this.#centre.update({ fraction, radius: 20, name: "this node", title });
    this.#centre.move(MIDDLE.x, MIDDLE.y, 0, true);
    this.#describe(all, shown);
    this.#glide();
  }

  /** One entry for each node, from its links. */
  #gather(roster) {
    const nodes = new Map();
    for (const peer of roster.here()) {
      const id = nodeOf(peer);
      const node = nodes.get(id) ?? { id, address: peer.address, client: peer.client,
        class: peer.class === "fleet" ? "fleet" : "foreign", down: 0, up: 0, has: [], links: 0 };
      node.down += peer.down_rate || 0;
      node.up += peer.up_rate || 0;
      node.links += 1;
      if (Number.isFinite(peer.verified_fraction)) node.has.push(peer.verified_fraction);
      nodes.set(id, node);
    }
    for (const { peer, reason, at } of roster.lost()) {
      const id = nodeOf(peer);
      if (nodes.has(id)) continue;
      nodes.set(id, { id, address: peer.address, client: peer.client, lost: true, reason, at,
        class: peer.class === "fleet" ? "fleet" : "foreign", down: 0, up: 0, links: 0,
        has: Number.isFinite(peer.verified_fraction) ? [peer.verified_fraction] : [] });
    }
    for (const node of nodes.values()) {
      const sum = node.has.reduce((total, each) => total + each, 0);
      node.fraction = node.has.length > 0 ? sum / node.has.length : null;
      node.title = titleOf(node);
    }
    return [...nodes.values()];
  }

  #place(shown) {
    const total = shown.length;
    const [wide, high] = total <= MOST_NAMED ? [104, 124] : [178, 140];
    const rings = total > 30 ? 2 : 1;
    const start = total <= 2 ? 0 : -Math.PI / 2;
    shown.forEach((node, index) => {
      const angle = start + (index / total) * 2 * Math.PI;
      const reach = rings === 2 && index % 2 === 1 ? 0.66 : 1;
      const goal = {
        x: MIDDLE.x + wide * reach * Math.cos(angle),
        y: MIDDLE.y + high * reach * Math.sin(angle),
      };
      const place = this.#places.get(node.id);
      if (place) place.goal = goal;
      else this.#places.set(node.id, { ...goal, goal });
      node.radius = total <= MOST_NAMED ? 12 : total <= 30 ? 10 : 7;
    });
    const ids = new Set(shown.map((node) => node.id));
    for (const id of this.#places.keys()) if (!ids.has(id)) this.#places.delete(id);
  }

  /** Moves everything towards its place, a frame at a time, until it is there. */
  #glide() {
    if (this.#frame !== null) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = null;
      let moving = false;
      for (const [id, place] of this.#places) {
        const [dx, dy] = [place.goal.x - place.x, place.goal.y - place.y];
        const near = this.#still.matches || Math.hypot(dx, dy) < 0.5;
        place.x = near ? place.goal.x : place.x + dx * 0.18;
        place.y = near ? place.goal.y : place.y + dy * 0.18;
        moving ||= !near;
        this.#edges.parts.get(id)?.move(place.x, place.y);
        this.#nodes.parts.get(id)?.move(place.x, place.y, place.goal.x - MIDDLE.x, false);
      }
      if (moving) this.#glide();
    });
  }

  #describe(all, shown) {
    const here = all.filter((node) => !node.lost);
    const fleet = here.filter((node) => node.class === "fleet").length;
    const lost = all.length - here.length;
    const words = here.length === 0 ? "No peers"
      : `${plural(fleet, "node")} of the fleet and ${count(here.length - fleet)} foreign`;
    const label = lost > 0 ? `${words}, ${count(lost)} just lost` : words;
    setAttribute(this.#drawing, "aria-label", label);
    const hidden = all.length - shown.length;
    const some = `${count(shown.length)} of ${plural(all.length, "node")}, the busiest`;
    setText(byId("graph-note"), all.length === 0 ? "Nobody is linked to this node."
      : hidden > 0 ? `${some}. Wider lines are faster.`
        : "Height of the fill: how much a node has. Width of a line: its rate.");
  }
}

class Edge {
  element = svg("g", { class: "edge" });
  #idle = svg("line", { class: "idle" });
  #down = svg("line", { class: "down" });
  #up = svg("line", { class: "up" });

  constructor() {
    this.element.append(this.#idle, this.#down, this.#up);
  }

  update(node) {
    setAttribute(this.element, "data-lost", node.lost === true);
    setAttribute(this.element, "opacity", node.fade.toFixed(2));
    setAttribute(this.#down, "stroke-width", widthOf(node.down));
    setAttribute(this.#up, "stroke-width", widthOf(node.up));
  }

  /** The two directions lie side by side. */
  move(x, y) {
    const [dx, dy] = [x - MIDDLE.x, y - MIDDLE.y];
    const length = Math.hypot(dx, dy) || 1;
    const [nx, ny] = [(-dy / length) * 2.5, (dx / length) * 2.5];
    for (const [line, side] of [[this.#idle, 0], [this.#down, 1], [this.#up, -1]]) {
      setAttribute(line, "x1", (MIDDLE.x + nx * side).toFixed(1));
      setAttribute(line, "y1", (MIDDLE.y + ny * side).toFixed(1));
      setAttribute(line, "x2", (x + nx * side).toFixed(1));
      setAttribute(line, "y2", (y + ny * side).toFixed(1));
    }
  }
}

class Node {
  element;
  #title = svg("title");
  #shape = svg("g");
  #level = svg("rect", { class: "level", x: -1, width: 2 });
  #name = svg("text", { class: "name" });
  #radius = 0;

  constructor(kind) {
    const outline = (name) => (kind === "fleet" ? svg("circle", { r: 1, class: name })
      : svg("path", { d: DIAMOND, class: name }));
    this.#shape.append(outline("body"),
      svg("g", { "clip-path": `url(#clip-${kind})` }, this.#level), outline("rim"),
      svg("path", { class: "cross", d: "M-.75-.75.75.75M.75-.75-.75.75" }));
    this.element = svg("g", { class: `node ${kind}` }, this.#title, this.#shape, this.#name);
  }

  update({ fraction, radius, name, title, lost = false, fade = 1 }) {
    this.#radius = radius;
    const level = Number.isFinite(fraction) ? fraction : 0;
    setAttribute(this.#level, "y", (1 - 2 * level).toFixed(3));
    setAttribute(this.#level, "height", (2 * level).toFixed(3));
    setAttribute(this.#shape, "transform", `scale(${radius})`);
    setAttribute(this.element, "data-lost", lost);
    setAttribute(this.#shape, "opacity", fade.toFixed(2));
    setText(this.#title, title);
    setText(this.#name, name);
  }

  /** `side`: on which side of the middle it is, so that its name points away from it. */
  move(x, y, side, below) {
    setAttribute(this.element, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    const gap = this.#radius + 5;
    const beside = !below && Math.abs(side) > 14;
    setAttribute(this.#name, "text-anchor", beside ? (side > 0 ? "start" : "end") : "middle");
    setAttribute(this.#name, "x", beside ? Math.sign(side) * gap : 0);
    setAttribute(this.#name, "y", beside ? 4 : below || y > MIDDLE.y ? gap + 9 : -gap);
  }
}

/** Those that were just lost, as they are news, but not too many of them; then the busiest. */
function choose(all) {
  if (all.length <= MOST_NODES) return [...all];
  const lost = all.filter((node) => node.lost).slice(0, MOST_NODES / 5);
  const here = all.filter((node) => !node.lost)
    .sort((one, other) => other.down + other.up - one.down - one.up);
  return [...lost, ...here].slice(0, MOST_NODES);
}

/** The host where that tells nodes apart, else the port as well. */
function namesOf(nodes) {
  const uses = new Map();
  for (const node of nodes) {
    const host = hostOf(node.address);
    uses.set(host, (uses.get(host) ?? 0) + 1);
  }
  return new Map(nodes.map((node) => {
    const host = hostOf(node.address);
    const port = clean(node.address).slice(-6).match(/:\d+$/)?.[0] ?? "";
    if (uses.get(host) === 1) return [node.id, brief(host)];
    return [node.id, uses.size === 1 ? port : brief(host, 15 - port.length) + port];
  }));
}

function brief(text, longest = 15) {
  return text.length <= longest ? text : `…${text.slice(1 - longest)}`;
}

function titleOf(node) {
  const lines = [`${clean(node.address)}  ${clean(node.client, 80)}`.trim(),
    node.class === "fleet" ? "of the fleet" : "foreign"];
  if (node.lost) lines.push(`lost: ${clean(node.reason) || "no reason was told"}`);
  else lines.push(`down ${rate(node.down)}, up ${rate(node.up)}`);
  if (node.fraction !== null) lines.push(`has ${percent(node.fraction)}`);
  if (node.links > 1) lines.push(plural(node.links, "link"));
  return lines.join("\n");
}

/** From 1 KiB/s to 100 MiB/s the width grows with the logarithm; an idle direction has none. */
function widthOf(bytesPerSecond) {
  if (!(bytesPerSecond >= 1)) return 0;
  return Math.min(7, Math.max(1, 0.42 * Math.log2(bytesPerSecond / 1024))).toFixed(1);
}

const MIDDLE = { x: 220, y: 170 };
const DIAMOND = "M0-1.15 1.15 0 0 1.15-1.15 0Z";

/** With more nodes their names would lie on each other. */
const MOST_NAMED = 14;

/** With more nodes they would themselves. */
const MOST_NODES = 60;
