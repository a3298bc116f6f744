// The page: the list, or one session. The address says which, so that back, forward and copied links work.

import "./list.js";
import "./session.js";
import { bindKeys } from "./keys.js";
import { events } from "./events.js";
import { showLive } from "./live.js";

const list = document.querySelector("reeld-list");
const session = document.querySelector("reeld-session");

async function show() {
  const params = new URLSearchParams(location.search);
  const id = params.get("session");
  list.hidden = Boolean(id);
  session.hidden = !id;
  document.body.dataset.view = id ? "session" : "list";
  if (id) await session.open(id, Number(params.get("t")) || 0);
  else {
    session.close();
    document.title = "reeld: recordings";
    list.refresh();
    list.view.focus();
  }
}

export function go(params) {
  const query = new URLSearchParams(params);
  history.pushState(null, "", query.size ? `/?${query}` : "/");
  return show();
}

list.addEventListener("chosen", (event) => go({ session: event.detail }));
session.addEventListener("left", () => go({}));
session.addEventListener("goto", (event) => go({ session: event.detail }));
document.getElementById("home").addEventListener("click", (event) => {
  event.preventDefault();
  go({});
});
addEventListener("popstate", show);
bindKeys(list, session);
showLive(document.getElementById("live"));
events.open();
await show();
