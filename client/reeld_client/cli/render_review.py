"""What `reelctl review` says to a person."""

from rich.console import Console

from reeld_client.cli.render_live import words
from reeld_proto.review import ReviewOpened


def print_review(console: Console, opened: ReviewOpened) -> None:
    """The address, and how long it lets in."""
    console.print(words(opened.url), soft_wrap=True)
    console.print(f"[dim]For one browser of this machine, once, within {opened.expires_s:g} s.[/]")
