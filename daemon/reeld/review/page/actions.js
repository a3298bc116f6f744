// What can be done with a session: rename, tag, note, mark, clip, export, forget, delete, copy a link.

import { about, send } from "./api.js";
import { facts, notice, question } from "./dialog.js";
import { lasting, sized } from "./format.js";

const span = ([from, to]) => `${lasting(from, 1)} to ${lasting(to, 1)}`;

export class Actions {
  // view: the session's element, which brings `info`, `position`, `selection`, `say` and `reload`.
  constructor(view) {
    this.view = view;
  }

  // Name, what it says, and the key for it.
  get all() {
    return [
      ["mark", "Marker", "M"],
      ["clip", "Clip selection", "C"],
      ["exportFile", "Export", "E"],
      ["link", "Copy link", "L"],
      ["describe", "Name, tags, note", "N"],
      ["forget", "Forget selection", ""],
      ["remove", "Delete", ""],
    ];
  }

  async run(name) {
    try {
      await this[name]();
    } catch (error) {
      this.view.say(error.message);
    }
  }

  async mark() {
    const at = this.view.position;
    const asked = await question("Marker", { text: `At ${lasting(at, 1)}`, fields: [{ name: "text", label: "Text", required: true, maxLength: 500 }], confirm: "Set" });
    if (!asked) return;
    await send(about(this.id, "markers"), { at_s: at, text: asked.text });
    await this.view.reload();
  }

  async clip() {
    const selection = this.#selection("clip");
    if (!selection) return;
    const fields = [{ name: "name", label: "Name", value: `${this.view.info.name || this.id} (clip)` }];
    const asked = await question("Clip", { text: span(selection), fields, confirm: "Clip" });
    if (!asked) return;
    const made = await send(about(this.id, "clip"), { from_s: selection[0], to_s: selection[1], name: asked.name });
    this.view.goTo(made.session);
  }

  async exportFile() {
    const { selection } = this.view;
    const text = selection ? `${span(selection)}, as MP4` : "The whole recording, as MP4";
    const asked = await question("Export", { text, fields: [{ name: "path", label: "File (empty: your videos folder)" }], confirm: "Export" });
    if (!asked) return;
    const body = { ...(selection && { from_s: selection[0], to_s: selection[1] }), ...(asked.path && { path: asked.path }) };
    const { job } = await send(about(this.id, "export"), body);
    this.view.jobs.watch(job);
  }

  async link() {
    const url = new URL(`/?${new URLSearchParams({ session: this.id, t: this.view.position.toFixed(2) })}`, location.href).href;
    await navigator.clipboard.writeText(url);
    this.view.say("The link is copied. It opens for those whom `reelctl review` let in.");
  }

  async describe() {
    const { info } = this.view;
    const asked = await question("Name, tags, note", {
      fields: [
        { name: "name", label: "Name", value: info.name },
        { name: "tags", label: "Tags, with commas between", value: info.tags.join(", ") },
        { name: "note", label: "Note", value: info.note },
      ],
      confirm: "Save",
    });
    if (!asked) return;
    const tags = asked.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
    const change = {
      ...(asked.name !== info.name && { name: asked.name }),
      note: asked.note,
      add_tags: tags.filter((tag) => !info.tags.includes(tag)),
      remove_tags: info.tags.filter((tag) => !tags.includes(tag)),
    };
    await send(about(this.id, "edit"), change);
    await this.view.reload();
  }

  async forget() {
    const selection = this.#selection("forget");
    if (!selection) return;
    const text = `${span(selection)} is removed from this recording and from all that share it, for ever.`;
    if (!(await question("Forget", { text, confirm: "Forget for ever", danger: true }))) return;
    const receipt = await send(about(this.id, "forget"), { from_s: selection[0], to_s: selection[1] });
    const rows = Object.entries(receipt).filter(([, value]) => typeof value !== "object" || Array.isArray(value));
    const said = ([name, value]) => [name.replaceAll("_", " "), name === "bytes" ? sized(value) : Array.isArray(value) ? value.map(plain).join(", ") || "none" : String(value)];
    notice("Forgotten", facts(Object.fromEntries(rows.map(said))));
    await this.view.reload(true);
  }

  async remove() {
    const text = `“${this.view.info.name || this.id}”, ${lasting(this.view.info.duration_s)}, ${sized(this.view.info.bytes)}.`;
    if (!(await question("Delete this recording?", { text, confirm: "Delete", danger: true }))) return;
    await send(about(this.id, "delete"));
    this.view.leave();
  }

  get id() {
    return this.view.info.session;
  }

  #selection(what) {
    if (!this.view.selection) this.view.say(`Drag across the timeline to choose what to ${what}.`);
    return this.view.selection;
  }
}

const plain = (value) => (typeof value === "object" ? Object.values(value).join(" ") : String(value));
