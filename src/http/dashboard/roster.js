// Who is linked to the node, and who was until a moment ago. No elements here.
//
// A peer that is gone is kept for a while, with the reason, so that a reader sees that it was lost
// and does not merely miss it. The snapshots say who is here; the facts say who was lost and why; the
// two may come in either order. What leaves without a fact was never a peer: a call that nobody
// answered, or one of two links with the same node. Invariant: nobody is both here and lost.

import { hostOf } from "./format.js";

/** For how long a lost peer is shown, in milliseconds. */
export const LINGER = 30_000;

export class Roster {
  #here = new Map();
  #left = [];
  #lost = new Map();

  /** Whether there was any snapshot. */
  isKnown = false;

  /** Takes a snapshot. Who has not said yet who it is, is nobody. */
  replace(peers) {
    const before = this.#here;
    this.#here = new Map();
    for (const peer of peers) {
      if (!peer.peer_id) continue;
      const gone = this.#lost.get(placeOf(peer));
      if (gone && (gone.peer.link ?? peer.link) === peer.link) {
        gone.peer = peer; // The snapshot was taken before the link was lost.
        continue;
      }
      this.#lost.delete(placeOf(peer));
      this.#here.set(linkOf(peer), peer);
    }
    this.#left = [...before].filter(([link]) => !this.#here.has(link)).map(([, peer]) => peer);
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
    const isIt = (peer) => placeOf(peer) === place;
    const [link, peer] = [...this.#here].find(([, here]) => isIt(here)) ?? [];
    this.#here.delete(link);
    if (this.#lost.size >= MOST_LOST) this.#lost.delete(this.#lost.keys().next().value);
    // A snapshot told more of it than the fact does.
    const known = peer ?? this.#left.find(isIt) ?? fact;
    this.#lost.set(place, { peer: known, reason: fact.reason ?? null, at });
  }

  /** Takes a fact `peer-joined`. Who comes back may call from any port: so one of its host is back. */
  join(fact) {
    if (this.#lost.delete(placeOf(fact))) return;
    const isBack = ({ peer }) => hostOf(peer.address) === hostOf(fact.address) &&
      peer.class === fact.class && (peer.infohash ?? null) === (fact.infohash ?? null);
    const [place] = [...this.#lost].find(([, gone]) => isBack(gone)) ?? [];
    this.#lost.delete(place);
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
