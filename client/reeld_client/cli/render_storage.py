"""What storage says to a person."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import clock, plural, printable, size
from reeld_client.cli.render_library import started
from reeld_client.cli.render_live import table, words
from reeld_proto.commands import BudgetApplied, StorageReport
from reeld_proto.storage import BudgetItem, Usage

_DAYS_SHOWN_MAX = 14
_SOON_DAYS = 7
_FOREVER_DAYS = 36_500.0
"""Nobody plans beyond a hundred years; also what is infinite is cut to it."""
_ACTION_WORDS = {"drop": ("✗ drop", "red"), "thin": ("◐ thin", "yellow"), "keep": ("✓ keep", "green")}


def print_storage(console: Console, found: StorageReport) -> None:
    """`reelctl storage`."""
    _print_level(console, found)
    _print_forecast(console, found)
    days = [day for day in found.days if _bytes(day)]
    if days:
        console.print("\n[bold]by day[/]")
        _print_bars(console, days[:_DAYS_SHOWN_MAX], len(days) - _DAYS_SHOWN_MAX)
    if found.tracks:
        console.print("\n[bold]by track[/]")
        _print_bars(console, sorted(found.tracks, key=_bytes, reverse=True), 0)
    if found.largest:
        console.print("\n[bold]largest sessions[/]")
        _print_sessions(console, found.largest)


def print_budget(console: Console, done: BudgetApplied) -> None:
    """`reelctl storage apply`."""
    if not done.items:
        console.print("[dim]no sessions[/]")
        return
    rows = table("", "session", "name", "size", "why", right=["size"])
    for item in done.items:
        word, style = _ACTION_WORDS.get(item.action, (item.action, ""))
        about = (words(item.session), words(item.name), words(size(item.bytes)), words(item.reason))
        rows.add_row(Text(word, style), *about)
    console.print(rows)
    console.print(words(_summary(done), "dim" if done.dry_run else "green"))


def _summary(done: BudgetApplied) -> str:
    gone = [item for item in done.items if item.action != "keep"]
    if not gone:
        return "nothing has to go"
    freed = f"{size(done.freed_bytes)} of {_counted(gone)}"
    return f"{freed} would go; this was a dry run" if done.dry_run else f"{freed} made free"


def _counted(items: Sequence[BudgetItem]) -> str:
    return plural(len(items), "session")


def _print_level(console: Console, found: StorageReport) -> None:
    """How full it is: against the quota, or the disk if there is none."""
    if found.quota_bytes is not None:
        limit, of = found.quota_bytes, f"of the quota of {size(found.quota_bytes)}"
    else:
        limit = found.held_bytes + found.free_bytes
        of = f"held, {size(found.free_bytes)} free on the disk; no quota"
    share = found.held_bytes / max(1, limit)
    style = "red" if share > 1 else "yellow" if share > 0.9 else "green"
    line = Text.assemble((_bar(share, 30), style), (f" {size(found.held_bytes)}", "bold"), f" {of}  {share:.0%}")
    console.print(line, soft_wrap=True)
    parts = [f"recordings {size(found.live_bytes)}"]
    if found.garbage_bytes:
        parts.append(f"garbage {size(found.garbage_bytes)}, which `reelctl gc` removes")
    parts.append(f"file {size(found.used_bytes)}")
    if found.quota_bytes is not None:
        parts.append(f"disk {size(found.free_bytes)} free")
    console.print(words("  ".join(parts), "dim"), soft_wrap=True)


def _print_forecast(console: Console, found: StorageReport) -> None:
    if found.forecast_days is None:
        console.print("[dim]no forecast: nothing was recorded lately[/]")
        return
    full = "the quota" if found.quota_bytes is not None else "the disk"
    pace = f"{size(found.bytes_per_day)} a day"
    if found.forecast_days <= 0:
        console.print(words(f"{pace}; {full} is used up", "red"))
        return
    days = round(min(found.forecast_days, _FOREVER_DAYS))
    soon = found.forecast_days < _SOON_DAYS
    left = plural(days, "day") if days else "less than a day"
    console.print(Text.assemble(f"{pace}: at this rate ", (left, "bold yellow" if soon else "bold")), soft_wrap=True)


def _print_bars(console: Console, usages: Sequence[Usage], hidden: int) -> None:
    largest = max(_bytes(usage) for usage in usages) or 1
    width = max(len(printable(usage.key)) for usage in usages)
    for usage in usages:
        name = usage.label if usage.label != usage.key else ""
        line = Text.assemble(
            f"  {printable(usage.key):<{width}}  ",
            (_bar(_bytes(usage) / largest, 20), "cyan"),
            f" {size(_bytes(usage)):>8}  ",
            (f"{clock(usage.duration_s):>9}  {printable(name)}", "dim"),
        )
        if usage.shared_bytes:
            line.append(f"  {size(usage.shared_bytes)} shared", "dim")
        console.print(line, soft_wrap=True)
    if hidden > 0:
        console.print(f"  [dim]and {plural(hidden, 'day')} before[/]")


def _print_sessions(console: Console, usages: Sequence[Usage]) -> None:
    rows = table("session", "name", "started", "length", "alone", "shared", "", right=["length", "alone", "shared"])
    for usage in usages:
        kind = [*(["pinned"] if usage.pinned else []), *(["key frames"] if usage.tier == "keyframes" else [])]
        rows.add_row(
            words(usage.key),
            words(usage.label),
            words(started(usage.started_at)),
            words(clock(usage.duration_s)),
            words(size(usage.unique_bytes)),
            words(size(usage.shared_bytes) if usage.shared_bytes else "·"),
            words(", ".join(kind), "cyan"),
        )
    console.print(rows)


def _bar(share: float, width: int) -> str:
    """A bar of `width` characters, filled to `share`; anything shows at least a sliver."""
    filled = round(min(max(share, 0.0), 1.0) * width)
    if share > 0 and not filled:
        return "▏" + "·" * (width - 1)
    return "█" * filled + "·" * (width - filled)


def _bytes(usage: Usage) -> int:
    return usage.unique_bytes + usage.shared_bytes
