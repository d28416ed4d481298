// Who is linked to the node, and who was until a moment ago. No elements here.
//
// A peer that is gone is kept for a while, with the reason, so that a reader sees that it was lost
// and does not merely miss it. The snapshots say who is here; the facts say why somebody left; the
// two may come in either order. Invariant: nobody is both here and lost.

/** For how long a lost peer is shown, in milliseconds. */
export const LINGER = 30_000;

export class Roster {
  #here = new Map();
  #lost = new Map();
  #infer = false;

  /** Whether there was any snapshot. */
  isKnown = false;

  /** After a gap in the stream nobody can say who left during it. */
  forget() {
    this.#infer = false;
  }

  /** Takes a snapshot. `now` is a time in milliseconds. */
  replace(peers, now) {
    const before = this.#here;
    this.#here = new Map();
    const present = new Set();
    for (const peer of peers) {
      this.#here.set(linkOf(peer), peer);
      present.add(placeOf(peer));
      this.#lost.delete(placeOf(peer));
    }
    if (this.#infer) {
      for (const [link, peer] of before) {
        if (this.#here.has(link) || present.has(placeOf(peer))) continue;
        if (!this.#lost.has(placeOf(peer))) this.#lose(peer, null, now);
      }
    }
    this.#infer = true;
    this.isKnown = true;
  }

  /** Takes a fact `peer-lost`, of the time `at`. */
  lose(fact, at, now) {
    if (now - at >= LINGER) return;
    const place = placeOf(fact);
    const gone = this.#lost.get(place);
    if (gone) {
      gone.reason = fact.reason ?? gone.reason;
      return;
    }
    for (const [link, peer] of this.#here) {
      if (placeOf(peer) !== place) continue;
      this.#here.delete(link);
      this.#lose(peer, fact.reason, at);
      return;
    }
    this.#lose(fact, fact.reason, at);
  }

  /** Takes a fact `peer-joined`. */
  join(fact) {
    this.#lost.delete(placeOf(fact));
  }

  /** Lets go of those that were lost long ago; gives whether there were any. */
  expire(now) {
    let any = false;
    for (const [place, gone] of this.#lost) {
      if (now - gone.at < LINGER) continue;
      this.#lost.delete(place);
      any = true;
    }
    return any;
  }

  here() {
    return [...this.#here.values()];
  }

  /** `{peer, reason, at}` each, the last lost first. */
  lost() {
    return [...this.#lost.values()].reverse();
  }

  #lose(peer, reason, at) {
    if (this.#lost.size >= MOST_LOST) this.#lost.delete(this.#lost.keys().next().value);
    this.#lost.set(placeOf(peer), { peer, reason: reason ?? null, at });
  }
}

/** One node, however many links it has. */
export function nodeOf(peer) {
  return peer.peer_id ? `id ${peer.peer_id}` : `at ${peer.address}`;
}

function linkOf(peer) {
  return peer.link ?? placeOf(peer);
}

function placeOf(peer) {
  return `${peer.address} ${peer.infohash ?? ""}`;
}

/** When a whole fleet is lost at once, so many tell the story. */
const MOST_LOST = 100;
