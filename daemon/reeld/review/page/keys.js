// Keys of the page. Not while somebody writes, and not with modifiers, which belong to the browser.

const FRAME_S = 1 / 30;

export function bindKeys(list, view) {
  const player = {
    " ": () => view.player.toggle(),
    k: () => view.player.toggle(),
    ArrowLeft: () => view.player.seek(view.position - 5),
    ArrowRight: () => view.player.seek(view.position + 5),
    j: () => view.player.seek(view.position - 10),
    ",": () => view.player.seek(view.position - FRAME_S),
    ".": () => view.player.seek(view.position + FRAME_S),
    Home: () => view.player.seek(0),
    End: () => view.player.seek(view.manifest.duration),
    "<": () => view.player.changeSpeed(-1),
    ">": () => view.player.changeSpeed(1),
    "+": () => view.timeline.zoom(0.5),
    "-": () => view.timeline.zoom(2),
    f: () => view.player.fullScreen(),
    m: () => view.actions.run("mark"),
    c: () => view.actions.run("clip"),
    e: () => view.actions.run("exportFile"),
    l: () => view.actions.run("link"),
    n: () => view.actions.run("describe"),
    i: () => view.timeline.select(view.position, Math.max(view.selection?.[1] ?? 0, view.position + 1)),
    o: () => view.timeline.select(Math.min(view.selection?.[0] ?? 0, view.position), view.position),
    Escape: () => (view.selection ? view.timeline.select(0, 0) : view.leave()),
  };
  addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const writes = target.matches?.("input:not([type=checkbox]), select, textarea");
    if (event.key === "/" && !writes && view.hidden) {
      list.search.focus();
      event.preventDefault();
      return;
    }
    // A button does itself what the space bar means on it.
    if (writes || view.hidden || !view.player?.conductor || (event.key === " " && target.matches?.("button, summary"))) return;
    const act = player[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
