// Numbers and foreign strings as people read them. Nothing here touches the page.
//
// Names, clients and errors come from the network. `clean` takes from them what could disguise a
// line (control characters, changes of the direction of writing) and bounds their length; that
// they are never markup is the business of dom.js.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** What stands for a value that nobody knows. */
export const UNKNOWN = "–";

/** Three digits and a unit: `1.25 GiB`. */
export function bytes(count) {
  if (!Number.isFinite(count)) return UNKNOWN;
  let unit = 0;
  let value = Math.max(0, count);
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

export function rate(bytesPerSecond) {
  return Number.isFinite(bytesPerSecond) ? `${bytes(bytesPerSecond)}/s` : UNKNOWN;
}

/** A whole number with thin groups of three: `12 345`. */
export function count(number) {
  if (!Number.isFinite(number)) return UNKNOWN;
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** `3 peers`, `1 peer`. */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return UNKNOWN;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [s, m, h] = [whole % 60, Math.floor(whole / 60) % 60, Math.floor(whole / 3600) % 24];
  const two = (part) => String(part).padStart(2, "0");
  if (whole < 3600) return `${m} min ${two(s)} s`;
  if (whole < 86400) return `${h} h ${two(m)} min`;
  return `${count(Math.floor(whole / 86400))} d ${two(h)} h`;
}

export function roundTrip(seconds) {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  const ms = seconds * 1000;
  if (ms >= 1000) return `${seconds.toFixed(1)} s`;
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** The share of a whole between 0 and 1. An empty whole that is complete is all there. */
export function share(part, whole, complete = false) {
  if (complete) return 1;
  if (!(whole > 0) || !(part > 0)) return 0;
  return Math.min(1, part / whole);
}

/** `42.3 %`; rounded down, so that only what is all there is called `100 %`. */
export function percent(fraction) {
  if (!Number.isFinite(fraction)) return UNKNOWN;
  const tenths = Math.floor(Math.min(1, Math.max(0, fraction)) * 1000 + 1e-9);
  if (tenths === 1000 || tenths === 0) return `${tenths / 10} %`;
  return `${(tenths / 10).toFixed(1)} %`;
}

/** The time of day where the reader is. */
export function clock(date) {
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const two = (part) => String(part).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A string from elsewhere, bounded, and without what could disguise the line it stands in. */
export function clean(text, longest = LONGEST) {
  if (text === null || text === undefined) return "";
  const plain = String(text).slice(0, longest + 1).replace(DISGUISE, "\ufffd");
  return plain.length > longest ? `${plain.slice(0, longest)}…` : plain;
}

/** The head of an infohash, enough to tell contents apart. */
export function shortHash(infohash) {
  return clean(infohash).slice(0, 8);
}

/** The name of a swarm, or what stands for it until it is known. */
export function nameOf(swarm) {
  return clean(swarm.name) || `content ${shortHash(swarm.infohash)}`;
}

/** The address without its port, and without the brackets of IPv6. */
export function hostOf(address) {
  const text = clean(address);
  const bracketed = /^\[(.*)\](?::\d+)?$/.exec(text);
  if (bracketed) return bracketed[1];
  const plain = /^([^:]*):\d+$/.exec(text);
  return plain ? plain[1] : text;
}

/** More than any path or error that tells something; a name of a megabyte must not be laid out. */
const LONGEST = 600;

/** Control characters, and those that turn the direction of writing. */
const DISGUISE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
