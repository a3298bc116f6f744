// Questions before something is done, on the page's own dialog: the answer is the form's data, or null.

import { element } from "./format.js";

export function question(title, { text = "", fields = [], confirm = "OK", danger = false }) {
  const dialog = element("dialog", { class: danger ? "danger" : "" });
  const form = element("form", { method: "dialog" });
  const heading = element("h2", { id: "question" }, title);
  dialog.setAttribute("aria-labelledby", "question");
  const inputs = fields.map(({ name, label, value = "", ...rest }) => element("label", {}, label, element("input", { name, value, ...rest })));
  const cancel = element("button", { type: "button", value: "" }, "Cancel");
  const go = element("button", { type: "submit", value: "go", class: "main" }, confirm);
  form.append(heading, element("p", {}, text), ...inputs, element("div", { class: "buttons" }, cancel, go));
  cancel.addEventListener("click", () => dialog.close(""));
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const data = Object.fromEntries(new FormData(form));
      dialog.remove();
      resolve(dialog.returnValue === "go" ? data : null);
    });
  });
}

// Something to read, such as a receipt.
export function notice(title, ...content) {
  const dialog = element("dialog", { class: "notice" });
  const close = element("button", { class: "main", value: "go" }, "Close");
  dialog.append(element("form", { method: "dialog" }, element("h2", {}, title), ...content, element("div", { class: "buttons" }, close)));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function facts(rows) {
  const list = element("dl");
  for (const [name, value] of Object.entries(rows)) list.append(element("dt", {}, name), element("dd", {}, value));
  return list;
}
