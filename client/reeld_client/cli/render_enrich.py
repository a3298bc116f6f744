"""What `reelctl enrich` and `search` say to a person."""

from rich.console import Console

from reeld_client.cli.enrich import EnrichLines
from reeld_client.cli.render_live import table, words
from reeld_proto.commands import EnrichPlanned, Findings, MomentsFound
from reeld_proto.enrich import EnrichJob, EnrichState

_COLOURS = {EnrichState.COMPLETED: "green", EnrichState.FAILED: "red", EnrichState.CANCELLED: "yellow"}


def print_enrichment(console: Console, found: EnrichLines) -> None:
    """`reelctl enrich list`, `cancel`, `pause` and `resume`."""
    if not found:
        console.print("[dim]no jobs[/]")
        return
    rows = table("job", "session", "plan", "state", "stage", "done", "took", "told", right=["done", "took"])
    for one in found:
        rows.add_row(
            words(one.id),
            words(one.session),
            words(one.plan),
            words(one.state, _COLOURS.get(one.state, "")),
            words(one.stage),
            words(f"{100 * one.progress:.0f} %"),
            words(f"{one.cost_s:.1f} s"),
            words(one.waiting or one.error),
        )
    console.print(rows)


def print_enriched(console: Console, one: EnrichJob) -> None:
    """`reelctl enrich ID`."""
    console.print(words(one.id), words(one.state, _COLOURS.get(one.state, "")), words(one.error), soft_wrap=True)
    for each in one.stages:
        engine = f"{each.engine} {each.version}".strip()
        known = f", {each.cached:g} known before" if each.cached else ""
        told = f"{each.done:g} of {each.total:g}{known}; {each.calls} calls, {each.seconds:.1f} s"
        stage = words(f"  {each.stage:<9}", "bold")
        console.print(stage, words(each.state), words(engine), words(told), soft_wrap=True)


def print_plan(console: Console, found: EnrichPlanned) -> None:
    """`reelctl enrich plan ID` and `--dry-run`."""
    rows = table("stage", "engine", "why", "to do", "known", "takes", "costs", right=["known", "takes", "costs"])
    for each in found.stages:
        takes = "unknown yet" if each.seconds is None else f"{each.seconds:.1f} s"
        to_do = f"{each.items:g} {each.unit}"
        known, costs = f"{100 * each.done:.0f} %", f"{each.cost:g}"
        rows.add_row(*(words(text) for text in (each.stage, each.engine, each.why, to_do, known, takes, costs)))
    console.print(rows)
    sent = [each.sends for each in found.stages if each.sends]
    console.print(words("; ".join(sent) or "Nothing leaves this machine."), soft_wrap=True)


def print_findings(console: Console, found: Findings) -> None:
    """`reelctl enrich show ID`."""
    for chapter in found.chapters:
        console.print(f"[cyan]{chapter.start_s:>9.1f} s[/]", words(chapter.title), soft_wrap=True)
    for lines in (found.summary, found.written):
        if lines:
            console.print()
        for line in lines:
            console.print(f"[dim]{line.at_s:>9.1f} s[/]", words(line.text), soft_wrap=True)
    if not found.chapters and not found.summary:
        console.print(f"[dim]nothing yet; `reelctl enrich {found.session}` finds it out[/]")


def print_moments(console: Console, found: MomentsFound) -> None:
    """`reelctl search`."""
    if not found.hits:
        console.print("[dim]nothing found[/]")
    for hit in found.hits:
        head = words(f"{hit.session}  {hit.at_s:>8.1f} s  {hit.kind:<8}", "cyan")
        console.print(head, words(hit.text), soft_wrap=True)
        console.print(words(f"    {hit.link}", "dim"), soft_wrap=True)
    if found.more:
        console.print("[dim]there are more; --limit shows them[/]")
