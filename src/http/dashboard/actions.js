// What a reader may do to the node: questions before it, notices after it, and the form to add a
// swarm. Every failure is shown with the line that the node said about it.

import { byId, el, setText, show } from "./dom.js";
import { clean, nameOf } from "./format.js";
import { call } from "./session.js";

/** A line in the corner; a failure stays longer, as somebody has to read it. */
export function notice(text, tone = "good") {
  const close = el("button", { type: "button", class: "quiet", text: "Close" });
  const line = el("div", { class: "notice", data: { tone, testid: "notice" } },
    el("span", { text: clean(text) }), close);
  const region = byId("notices");
  close.addEventListener("click", () => line.remove());
  region.append(line);
  while (region.children.length > MOST_NOTICES) region.firstElementChild.remove();
  setTimeout(() => line.remove(), tone === "bad" ? 20_000 : 6000);
}

/**
 * Does work on behalf of a button, which cannot be pressed again meanwhile. Says `done` when it
 * worked; gives whether it did.
 */
export async function perform(button, work, done) {
  button.setAttribute("aria-busy", "true");
  try {
    await work();
    if (done) notice(done);
    return true;
  } catch (problem) {
    notice(problem.message, "bad");
    return false;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** A listener for clicks that does nothing while the work of the last one is under way. */
export function once(listener) {
  return (event) => {
    if (event.currentTarget.getAttribute("aria-busy") !== "true") listener(event);
  };
}

/**
 * Asks in a dialog. Gives null if the answer is no; else true, or the value of the choice made
 * among `choices` ([value, words] each).
 */
export function ask({ title, text, verb, choices = null }) {
  const dialog = byId("ask");
  setText(byId("ask-title"), title);
  setText(byId("ask-text"), text);
  setText(byId("ask-yes"), verb);
  show(byId("ask-choice-label"), choices !== null);
  const choice = byId("ask-choice");
  choice.replaceChildren(
    ...(choices ?? []).map(([value, words]) => el("option", { value, text: words })));
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    const end = () => {
      if (dialog.returnValue !== "yes") resolve(null);
      else resolve(choices ? choice.value : true);
    };
    dialog.addEventListener("close", end, { once: true });
  });
}

/** `pause`, `resume` or `verify`. */
export function order(button, swarm, verb) {
  const path = `swarms/${encodeURIComponent(swarm.infohash)}/${verb}`;
  return perform(button, () => call("POST", path), `${DONE[verb]} ${nameOf(swarm)}`);
}

export async function remove(button, swarm) {
  const name = nameOf(swarm);
  const sure = await ask({
    title: "Remove this swarm?",
    text: `The node leaves the swarm of ${name} and forgets it. Its files stay where they are.`,
    verb: "Remove",
  });
  if (!sure) return;
  const path = `swarms/${encodeURIComponent(swarm.infohash)}`;
  await perform(button, () => call("DELETE", path), `Removed ${name}; its files stay`);
}

/** Copies, or shows what cannot be copied where the page is not a secure context. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    notice(`Copied the ${what}`);
  } catch {
    window.prompt(`Copy the ${what}:`, text);
  }
}

/** Makes the form to add a swarm work. */
export function setUpAdding() {
  const dialog = byId("add-dialog");
  const form = byId("add-form");
  byId("add").addEventListener("click", () => {
    complain(null);
    dialog.showModal();
  });
  byId("add-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = byId("add-submit");
    if (submit.disabled) return;
    submit.disabled = true;
    complain(null);
    try {
      const swarm = await call("POST", "swarms", await wish());
      form.reset();
      dialog.close();
      notice(swarm ? `Added ${nameOf(swarm)}` : "Added");
    } catch (problem) {
      complain(problem.message);
    } finally {
      submit.disabled = false;
    }
  });
}

/** What the form asks for. Throws what is wrong with it. */
async function wish() {
  const magnet = byId("add-magnet").value.trim();
  const [file] = byId("add-file").files;
  const place = byId("add-place").value.trim();
  const peers = byId("add-peers").value.split(/[\s,]+/).filter((peer) => peer !== "");
  if (Boolean(magnet) === Boolean(file)) {
    throw new Error("give either a magnet link or a .torrent file");
  }
  const body = magnet ? { magnet } : { torrent: await base64(file) };
  if (place) body.place = place;
  if (peers.length > 0) body.peers = peers;
  return body;
}

async function base64(file) {
  if (file.size > LARGEST_TORRENT) throw new Error("that file is too large for a .torrent file");
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new Error("the file cannot be read")));
    reader.readAsDataURL(file);
  });
  return address.slice(address.indexOf(",") + 1);
}

function complain(text) {
  const line = byId("add-complaint");
  setText(line, clean(text ?? ""));
  show(line, text !== null);
}

const DONE = { pause: "Paused", resume: "Resumed", verify: "Verifying" };

/** More would cover the page, on a phone at least. */
const MOST_NOTICES = 4;

/** Far more than any description has; what somebody picked by mistake is not read into memory. */
const LARGEST_TORRENT = 64 * 1024 * 1024;
