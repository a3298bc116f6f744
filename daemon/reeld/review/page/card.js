// A recording in the list. Its elements are made once and show another recording when they are needed elsewhere.

import { about } from "./api.js";
import { element, highlighted, lasting, sized } from "./format.js";

const WIDTH_PX = 160;
const SAID_MAX = 200;
const clock = { hour: "numeric", minute: "numeric", second: "numeric" };
const day = new Intl.DateTimeFormat([], { year: "numeric", month: "numeric", day: "numeric", ...clock });

export class Card {
  #words = null;
  #pictured = false;

  constructor() {
    this.session = undefined;
    this.element = element("div", { class: "row", role: "option", ariaSelected: "false", dataset: { empty: "1" } });
    this.thumb = element("span", { class: "thumb" });
    this.title = element("strong");
    this.facts = new Text();
    this.state = element("span", { class: "state" });
    this.pinned = new Text();
    this.said = element("small", { class: "said" });
    const facts = element("small", {}, this.facts, this.state, this.pinned);
    this.words = element("span", { class: "words" }, this.title, facts, this.said);
  }

  put(index, total, top) {
    const { element: row } = this;
    if (row.dataset.index !== String(index)) {
      row.id = `row-${index}`;
      row.dataset.index = index;
      row.style.transform = `translateY(${top}px)`;
      row.ariaPosInSet = String(index + 1);
    }
    if (row.ariaSetSize !== String(total)) row.ariaSetSize = String(total);
  }

  // session: undefined while it is not known. words: what was searched for.
  show(session, words) {
    if (session === this.session && words === this.#words) return;
    const { dataset } = this.element;
    if (!session) {
      this.element.replaceChildren();
      dataset.empty = "1";
      delete dataset.session;
    } else {
      if (!this.session) this.element.append(this.thumb, this.words);
      delete dataset.empty;
      if (dataset.session !== session.session || !this.thumb.firstChild) this.#forgetPicture();
      dataset.session = session.session;
      this.#describe(session, words);
    }
    this.session = session;
    this.#words = words;
  }

  // Its picture, once for each recording: what has none is not asked again.
  picture() {
    const { session } = this;
    if (this.#pictured || !(session?.has_video || session?.has_snapshots)) return;
    this.#pictured = true;
    const middle = Math.round(session.duration_s * 500);
    const source = `${about(session.session, "thumbnails", `${middle}.jpg`)}?width=${WIDTH_PX}`;
    const picture = element("img", { alt: "", src: source, decoding: "async" });
    picture.addEventListener("error", () => picture.remove());
    this.thumb.append(picture);
  }

  #forgetPicture() {
    this.#pictured = false;
    this.thumb.replaceChildren();
  }

  #describe(session, words) {
    this.title.replaceChildren(...highlighted(session.name || session.session, words));
    const facts = [day.format(new Date(session.started_at)), lasting(session.duration_s), sized(session.bytes)];
    this.facts.data = `${facts.join(" · ")} · `;
    this.state.textContent = this.state.dataset.state = session.state;
    this.pinned.data = session.pinned ? " · pinned" : "";
    const tags = session.tags.map((tag) => element("span", { class: "label" }, ...highlighted(tag, words)));
    this.said.replaceChildren(...tags, ...highlighted(found(session, words).slice(0, SAID_MAX), words));
  }
}

// Of note and markers what was found, else the note.
function found(session, words) {
  const texts = [session.note, ...session.marks];
  return (words.length && texts.find((text) => words.some((word) => text.toLowerCase().includes(word)))) || session.note;
}
