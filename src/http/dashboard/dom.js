// The few ways in which this page changes its document.
//
// Invariant: no string becomes markup. Text goes in as text, attributes are named one by one, and
// nothing sets `style` attributes, which the content security policy would refuse.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `text` is its text, `data` its data attributes, `on` its listeners; everything
 * else is an attribute, left out where it is null or false.
 */
export function el(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** As `el`, for the elements of a drawing. */
export function svg(tag, options = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), options, children);
}

export function byId(id) {
  return document.getElementById(id);
}

/** Sets the text where it differs: a write that changes nothing would still cost a layout. */
export function setText(node, text) {
  const only = node.firstChild;
  if (only && only.nodeType === Node.TEXT_NODE && only.data === text && !only.nextSibling) return;
  if (!only && text === "") return;
  node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

/**
 * Keeps the children of a parent in step with a list, by key: elements stay, and with them focus,
 * selection and what is open. `make(item)` gives an object with an `element`, and `update(item)`.
 */
export class Keyed {
  constructor(parent, keyOf, make) {
    this.parent = parent;
    this.keyOf = keyOf;
    this.make = make;
    this.parts = new Map();
  }

  render(items) {
    const focused = this.parent.contains(document.activeElement) ? document.activeElement : null;
    const wanted = new Map(items.map((item) => [this.keyOf(item), item]));
    // Those that go first: else all behind them would be moved to where they already are.
    for (const [key, part] of this.parts) {
      if (wanted.has(key)) continue;
      part.element.remove();
      part.dispose?.();
      this.parts.delete(key);
    }
    let place = this.parent.firstElementChild;
    for (const [key, item] of wanted) {
      let part = this.parts.get(key);
      if (!part) {
        part = this.make(item);
        this.parts.set(key, part);
      }
      part.update(item);
      if (part.element === place) {
        place = place.nextElementSibling;
      } else {
        this.parent.insertBefore(part.element, place);
      }
    }
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }
}

/** A colour of the theme in force, by the name of its custom property. */
export function colour(name) {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, value);
  }
  return value;
}

/** Makes a canvas as large as its box, in the pixels of the screen, and clears it. */
export function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

function fill(node, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") {
      node.textContent = value;
    } else if (name === "data") {
      for (const [key, datum] of Object.entries(value)) node.dataset[key] = datum;
    } else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else {
      setAttribute(node, name, value);
    }
  }
  node.append(...children);
  return node;
}

const colours = new Map();
document.addEventListener("themechange", () => colours.clear());
