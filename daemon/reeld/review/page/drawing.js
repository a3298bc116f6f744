// How a timeline is drawn on its canvas: a ruler, one lane for each track, marks above, the playhead over all.

import { lasting } from "./format.js";
import { inSight, spansInSight, stepOf, ticks } from "./ruler.js";
import { Tiles } from "./tiles.js";

export const RULER_PX = 26;
export const LANE_PX = 34;
const MARKS_PX = 20;

export const heightOf = (tracks) => RULER_PX + MARKS_PX + tracks.length * LANE_PX + 4;

export function draw(canvas, scene) {
  const ratio = devicePixelRatio;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const paint = canvas.getContext("2d", { alpha: false });
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.fillStyle = scene.colours.ground;
  paint.fillRect(0, 0, width, height);
  paint.font = "12px system-ui, sans-serif";
  const toX = (at) => ((at - scene.view[0]) / (scene.view[1] - scene.view[0])) * width;
  const stage = { paint, width, height, toX, perPixel: (scene.view[1] - scene.view[0]) / width, ...scene };
  drawRuler(stage);
  scene.tracks.forEach((track, index) => drawLane(stage, track, RULER_PX + MARKS_PX + index * LANE_PX));
  drawChapters(stage);
  drawMarks(stage);
  drawSelection(stage);
  paint.fillStyle = scene.colours.head;
  paint.fillRect(toX(scene.position) - 1, 0, 2, height);
}

function drawRuler({ paint, view, toX, perPixel, colours }) {
  const step = stepOf(perPixel);
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  paint.fillStyle = colours.text;
  paint.strokeStyle = colours.line;
  paint.beginPath();
  for (const at of ticks(view[0], view[1], step)) {
    const x = Math.round(toX(at)) + 0.5;
    paint.moveTo(x, RULER_PX - 8);
    paint.lineTo(x, RULER_PX);
    paint.fillText(lasting(at, digits), x + 4, RULER_PX - 10);
  }
  paint.stroke();
}

function drawLane(stage, track, top) {
  const { paint, view, width, toX, colours, tiles, perPixel } = stage;
  const end = Math.min(width, toX(track.end_s));
  paint.fillStyle = track.kind === "audio" ? colours.sound : colours.picture;
  paint.fillRect(Math.max(0, toX(0)), top, Math.max(0, end), LANE_PX - 4);
  if (track.kind === "audio") drawWave(stage, track, top, tiles, perPixel);
  for (const { x, end: last, span } of spansInSight(track.gaps, view[0], view[1], width)) {
    paint.fillStyle = colours.ground;
    paint.fillRect(x, top, last - x, LANE_PX - 4);
    paint.fillStyle = span.reason === "damaged" ? colours.head : colours.gap;
    paint.fillRect(x, top + 11, last - x, LANE_PX - 26);
  }
  paint.fillStyle = colours.text;
  paint.fillText(track.label || track.id, 6, top + 13, width / 3);
  for (const { x, end: last } of spansInSight(track.voice ?? [], view[0], view[1], width)) {
    paint.fillStyle = colours.voice;
    paint.fillRect(x, top + LANE_PX - 7, last - x, 3);
  }
}

function drawWave({ paint, view, toX, colours }, track, top, tiles, perPixel) {
  const column = Tiles.columnOf(perPixel);
  const middle = top + (LANE_PX - 4) / 2;
  paint.fillStyle = colours.wave;
  for (let at = Math.max(0, view[0]); at < Math.min(view[1], track.end_s); ) {
    const tile = tiles.at(track.id, at, column);
    const next = (Math.floor(at / (column * 256)) + 1) * column * 256;
    if (tile) {
      const first = Math.max(0, Math.floor((view[0] - tile.from) / column));
      for (let index = first; index < tile.peaks.length; index += 1) {
        const peak = tile.peaks[index];
        if (peak < 0) continue;
        const x = toX(tile.from + index * column);
        if (x > toX(view[1])) break;
        const half = Math.max(0.5, (Math.sqrt(peak / 255) * (LANE_PX - 6)) / 2);
        paint.fillRect(x, middle - half, Math.max(1, column / perPixel), 2 * half);
      }
    }
    at = next;
  }
}

// A chapter begins at a thin line over all lanes; its title stands where there is room.
function drawChapters({ paint, height, view, width, toX, colours, chapters }) {
  for (const { x, item } of inSight(chapters, (chapter) => chapter.start_s, view[0], view[1], width)) {
    if (!item.start_s) continue;
    paint.fillStyle = colours.mark;
    paint.fillRect(x, RULER_PX, 1, height - RULER_PX);
    const room = Math.min(width, toX(item.end_s)) - x - 8;
    paint.fillStyle = colours.text;
    if (room > 60) paint.fillText(item.title.slice(0, Math.floor(room / 7)), x + 4, height - 6);
  }
}

function drawMarks({ paint, view, width, colours, markers, stills, pauses }) {
  const top = RULER_PX;
  paint.fillStyle = colours.still;
  for (const { x } of inSight(stills, (still) => still.at_s, view[0], view[1], width)) paint.fillRect(x, top + 13, 1, 5);
  let free = 0;
  for (const { x, item, count } of inSight(markers, (marker) => marker.at_s, view[0], view[1], width)) {
    paint.fillStyle = colours.mark;
    paint.beginPath();
    paint.moveTo(x - 4, top + 1);
    paint.lineTo(x + 4, top + 1);
    paint.lineTo(x, top + 10);
    paint.fill();
    if (x < free) continue;
    const text = count > 1 ? `${count} markers` : item.text.slice(0, 40);
    paint.fillStyle = colours.text;
    paint.fillText(text, x + 6, top + 11);
    free = x + 14 + paint.measureText(text).width;
  }
  paint.fillStyle = colours.line;
  for (const at of pauses) paint.fillRect(((at - view[0]) / (view[1] - view[0])) * width, top, 1, 18);
}

function drawSelection({ paint, height, toX, selection, colours }) {
  if (!selection) return;
  const [from, to] = selection.map(toX);
  paint.globalAlpha = 0.25;
  paint.fillStyle = colours.select;
  paint.fillRect(from, RULER_PX, to - from, height - RULER_PX);
  paint.globalAlpha = 1;
  paint.fillRect(from, RULER_PX, 1, height - RULER_PX);
  paint.fillRect(to - 1, RULER_PX, 1, height - RULER_PX);
}
