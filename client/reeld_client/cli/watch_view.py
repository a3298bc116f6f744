"""How `watch` and `stats` look: one renderable from what is known. Holds no state, asks nobody."""

from collections.abc import Iterable

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from reeld_client.cli.human import clock, count, milliseconds, printable, size
from reeld_client.cli.render_live import WORKER_STYLES, state_text, table, words
from reeld_client.cli.watch_model import WatchModel
from reeld_proto.records import SessionState, WorkerState
from reeld_proto.stats import QueueStats, Stats, TrackStats, WorkerStats

_WIDE = 100
_SPARKS = "▁▂▃▄▅▆▇█"
_SPARK_CELLS = 16
_BAR_CELLS = 16
_FLOOR_DB = -60.0
_HOT_DB, _WARM_DB = -3.0, -12.0
_LAG_WARM_MS, _LAG_HOT_MS = 3000.0, 6000.0
"""A chunk lasts up to 2 s before it can be durable; three times that is trouble."""
_DISK_LOW_BYTES = 2_000_000_000


def view(model: WatchModel, width: int) -> RenderableType:
    """Everything known, as one screen of `width` columns. Narrow ones (below 100) leave out what matters least."""
    parts: list[RenderableType] = [_header(model)]
    if model.stats is not None:
        if model.stats.tracks:
            parts += [_titled("tracks", _tracks(model, model.stats, width))]
        if model.stats.workers:
            parts += [_titled("workers", _workers(model, model.stats, width))]
    if model.news:
        parts += [_titled("news", _news(model))]
    return Group(*parts)


def _titled(title: str, body: RenderableType) -> RenderableType:
    return Padding(Group(Text(title.upper(), style="bold dim"), body), (1, 1, 0, 2))


def _header(model: WatchModel) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    session = model.session
    style = "dim"
    if not model.is_connected:
        grid.add_row(Text("○ no daemon", style="bold yellow"), Text("waiting for it to start"), "")
        style = "yellow"
    elif session is None:
        grid.add_row(Text("○ not recording", style="dim"), Text("start with  reelctl start", style="dim"), "")
    else:
        name = Text.assemble((printable(session.name or session.id), "bold"))
        if session.name and session.name != session.id:
            name.append(f"  {printable(session.id)}", style="dim")
        grid.add_row(state_text(session.state), name, Text(clock(session.elapsed_s), style="bold"))
        style = "red" if session.state is SessionState.ACTIVE else "yellow"
    if model.is_silent:
        age = clock(model.now_s - model.heard_s)
        grid.add_row("", Text(f"no news for {age}: these figures are old", style="bold yellow"), "")
    return Panel(grid, box=ROUNDED, border_style=style, title=_title(model), title_align="left", subtitle=_disk(model))


def _title(model: WatchModel) -> Text:
    title = Text.assemble(("reeld", "bold default"))
    if model.status is not None:
        title.append(f" {printable(model.status.daemon.version)} · pid {model.status.daemon.pid}", style="dim default")
    return title


def _disk(model: WatchModel) -> Text | None:
    if model.stats is None:
        return None
    recorded = sum(track.bytes for track in model.stats.tracks)
    low = model.stats.disk_free_bytes < _DISK_LOW_BYTES
    quiet = "dim default"
    line = Text()
    if model.session is not None:
        line.append(f"{size(recorded)} recorded · ", style=quiet)
    line.append(f"store {size(model.stats.store_bytes)} · ", style=quiet)
    line.append(f"{size(model.stats.disk_free_bytes)} free", style="bold red" if low else quiet)
    return line


def _tracks(model: WatchModel, stats: Stats, width: int) -> Table:
    numbers = ["frames", "unchanged", "dropped", "size", "rate", "lag"]
    shown = [name for name in numbers if width >= _WIDE or name not in {"unchanged", "rate"}]
    rows = table("track", "activity", "", *shown, right=shown)
    rows.expand = True
    for track in stats.tracks:
        rate = model.rates.get(track.id)
        cells = {
            "frames": Text(count(track.frames)),
            "unchanged": Text(count(track.unchanged) if track.unchanged else "·", style="dim"),
            "dropped": _alarming(count(track.dropped), track.dropped > 0, "bold red"),
            "size": Text(size(track.bytes)),
            "rate": Text(f"{size(rate.bytes)}/s" if rate is not None else "·", style="dim"),
            "lag": _lag(track.lag_ms),
        }
        rows.add_row(words(track.id, "bold"), *_activity(model, track), *(cells[name] for name in shown))
    return rows


def _activity(model: WatchModel, track: TrackStats) -> tuple[Text, Text]:
    """Sound: its level. Picture: the frames that changed, over the last seconds."""
    if track.peak_db is not None:
        return level_bar(track.peak_db), _level_figure(track)
    if track.id not in model.rates:
        return Text(), Text()
    return sparkline(model.history[track.id], at_least=10.0), Text(f"{model.rates[track.id].frames:4.1f} fps")


def _level_figure(track: TrackStats) -> Text:
    if track.peak_db is None or track.peak_db <= _FLOOR_DB:
        return Text("silent", style="dim")
    return Text(f"{track.peak_db:4.0f} dB")


def level_bar(peak_db: float, cells: int = _BAR_CELLS) -> Text:
    """A level between -60 dB and full scale, its loud end yellow and red."""
    share = min(1.0, max(0.0, 1.0 - peak_db / _FLOOR_DB))
    filled = round(share * cells)
    bar = Text()
    for cell in range(cells):
        cell_db = _FLOOR_DB * (1.0 - (cell + 1) / cells)
        style = "red" if cell_db >= _HOT_DB else "yellow" if cell_db >= _WARM_DB else "green"
        bar.append("━", style=style if cell < filled else "bright_black")
    return bar


def sparkline(values: Iterable[float], *, at_least: float, cells: int = _SPARK_CELLS) -> Text:
    """The last values as bars, the highest of them (or `at_least`) being full; nothing is a low line."""
    shown = list(values)[-cells:]
    top = max([at_least, *shown])
    bars = "".join(_SPARKS[min(len(_SPARKS) - 1, int(max(0.0, value) / top * len(_SPARKS)))] for value in shown)
    return Text(bars.rjust(cells, _SPARKS[0]), style="cyan")


def _lag(lag_ms: float) -> Text:
    style = "bold red" if lag_ms >= _LAG_HOT_MS else "yellow" if lag_ms >= _LAG_WARM_MS else ""
    return Text(milliseconds(lag_ms), style=style)


def _workers(model: WatchModel, stats: Stats, width: int) -> Table:
    numbers = ["cpu", "memory", "restarts"]
    trend = ["load"] if width >= _WIDE and model.rates else []
    rows = table("worker", *(["state"] if model.workers else []), *trend, *numbers, "fullest queue", right=numbers)
    rows.expand = True
    for worker in stats.workers:
        cells = [words(worker.name, "bold")]
        if model.workers:
            cells.append(_state(model, worker))
        if trend:
            cells.append(sparkline(model.history.get(worker.name, ()), at_least=0.5))
        cells += [
            Text(f"{worker.cpu * 100:.0f} %"),
            Text(size(worker.rss_bytes)),
            _alarming(str(worker.restarts), worker.restarts > 0, "yellow"),
            _fullest(worker.queues),
        ]
        rows.add_row(*cells)
    load = sum(worker.cpu for worker in stats.workers)
    memory = sum(worker.rss_bytes for worker in stats.workers)
    rows.add_section()
    padding = [""] * (len(rows.columns) - 5)
    rows.add_row(Text("all", style="dim"), *padding, f"{load * 100:.0f} %", size(memory), "", "")
    return rows


def _state(model: WatchModel, worker: WorkerStats) -> Text:
    known = model.workers.get(worker.name)
    # The daemon's own process has counters, but is no worker of its own.
    state = known.state if known is not None else WorkerState.RUNNING
    return Text(state.value, style=WORKER_STYLES[state])


def _fullest(queues: list[QueueStats]) -> Text:
    """The queue nearest to its limit, and whatever any of them had to drop."""
    if not queues:
        return Text("·", style="dim")
    share, queue = max(((_share(queue), queue) for queue in queues), key=lambda pair: pair[0])
    text = Text()
    text.append(f"{share * 100:.0f} % ", style="bold red" if share > 0.9 else "yellow" if share > 0.5 else "")
    dropped = sum(one.dropped for one in queues)
    if dropped:
        text.append(f"{count(dropped)} dropped ", style="bold red")
    text.append(printable(queue.name), style="dim")
    return text


def _share(queue: QueueStats) -> float:
    return queue.depth / queue.limit if queue.limit else 0.0


def _news(model: WatchModel) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(justify="right", style="dim", no_wrap=True)
    rows.add_column()
    for item in reversed(model.news):
        sign = Text("▲ ", style="bold yellow") if item.is_trouble else Text("· ", style="dim")
        rows.add_row(f"{clock(model.now_s - item.at_s)} ago", sign + words(item.text))
    return rows


def _alarming(text: str, alarming: bool, style: str) -> Text:  # noqa: FBT001 - private, one word a call
    return Text(text, style=style if alarming else "dim")


def line(model: WatchModel) -> str:
    """One line of plain text, for a log."""
    session, stats = model.session, model.stats
    if session is None:
        head = "not recording"
    else:
        head = f"{session.state.value} {clock(session.elapsed_s)} {session.name or session.id}"
    if stats is None:
        return head
    parts = [head, f"cpu {sum(worker.cpu for worker in stats.workers) * 100:.0f} %"]
    parts.append(f"memory {size(sum(worker.rss_bytes for worker in stats.workers))}")
    for track in stats.tracks:
        level = "" if track.peak_db is None else f", {_level_figure(track).plain.strip()}"
        parts.append(
            f"{track.id}: {track.frames} frames, {track.dropped} dropped, {size(track.bytes)},"
            f" lag {milliseconds(track.lag_ms)}{level}"
        )
    return printable(" | ".join(parts))
