"""What `reelctl jobs` and `job` say to a person."""

from rich.console import Console

from reeld_client.cli.jobs import JobLines
from reeld_client.cli.render_live import table, words
from reeld_proto.jobs import JobInfo, JobState

_COLOURS = {JobState.COMPLETED: "green", JobState.FAILED: "red", JobState.CANCELLED: "yellow"}


def print_jobs(console: Console, found: JobLines) -> None:
    """`reelctl jobs`."""
    if not found:
        console.print("[dim]no jobs[/]")
        return
    rows = table("job", "command", "state", "done", "what", right=["done"])
    for one in found:
        what = " ".join(filter(None, (one.session, one.path)))
        rows.add_row(words(one.id), words(one.command), words(one.state, _colour(one)), words(_done(one)), words(what))
    console.print(rows)


def print_job(console: Console, one: JobInfo) -> None:
    """`reelctl job show` and `cancel`, and what `--no-wait` gives."""
    told = " ".join(filter(None, (_done(one), one.message)))
    console.print(words(one.id), words(one.command), words(one.state, _colour(one)), words(told), soft_wrap=True)


def _colour(one: JobInfo) -> str:
    return _COLOURS.get(one.state, "")


def _done(one: JobInfo) -> str:
    return "" if one.progress is None else f"{100 * one.progress:.0f} %"
