"""What repair and upkeep say to a person."""

from rich.console import Console

from reeld_client.cli.human import plural, size
from reeld_client.cli.render_library import started
from reeld_client.cli.render_live import table, words
from reeld_proto.commands import Repaired, UpkeepStatus

_STATE_STYLES = {"running": "green", "paused": "yellow", "waiting": "yellow"}


def print_repaired(console: Console, done: Repaired) -> None:
    """`reelctl repair`."""
    parts = [
        plural(len(done.healed), "chunk") + " healed",
        plural(len(done.quarantined), "chunk") + " set aside",
        plural(done.gaps, "gap") + " marked",
        f"{done.fixed} set right",
    ]
    untouched = not (done.healed or done.quarantined or done.gaps or done.fixed)
    about = "nothing to repair" if untouched else ", ".join(parts)
    if done.remaining:
        console.print(words(f"✗ {about}; {plural(len(done.remaining), 'fault')} remain, see `reelctl verify`", "red"))
        return
    console.print(words(f"✓ {about}", "green"))


def print_upkeep(console: Console, found: UpkeepStatus) -> None:
    """`reelctl upkeep`."""
    rows = table("work", "state", "done", "last", "", right=["done"])
    for task in found.tasks:
        progress = f"{size(task.done_bytes)} of {size(task.total_bytes)}" if task.total_bytes else "·"
        rows.add_row(
            words(task.kind),
            words(task.state, _STATE_STYLES.get(task.state, "")),
            words(progress),
            words(started(task.last_run_at) if task.last_run_at else "never"),
            words(task.detail),
        )
    console.print(rows)
