"""Finding moments again: `reelctl search` and `reelctl transcript`."""

import sys
import unicodedata
from enum import StrEnum
from typing import Annotated

import typer

from reeld_client import subtitles
from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.human import printable
from reeld_client.cli.invocation import Answer, Invocation, print_json
from reeld_client.cli.progress import working
from reeld_proto.codec import to_plain
from reeld_proto.enrich import HITS_MAX


class TranscriptFormat(StrEnum):
    """How a transcript is written."""

    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


_WRITERS = {
    TranscriptFormat.TXT: subtitles.plain_text,
    TranscriptFormat.SRT: subtitles.subrip,
    TranscriptFormat.VTT: subtitles.webvtt,
}


def without_controls(text: str) -> str:
    """The text without what terminals take for orders."""
    return "".join(character for character in text if unicodedata.category(character) != "Cc")


_NO_MEANINGS = (
    "nothing is known of meanings yet, so words were looked for; with pip install 'reeld[enrich]' the plan full, or one"
    " with the stage embeddings, tells them: reelctl enrich ID --plan full"
)


def search(
    invocation: Invocation,
    *,
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help='Words: all of them, OR, "a phrase", meet*.', show_default=False),
    ],
    session: Annotated[str, typer.Option("--session", metavar="ID", help="Only in this one.", show_default=False)] = "",
    meaning: Annotated[bool, typer.Option("--meaning", help="What means the same, whatever the words.")] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=HITS_MAX, help="At most so many.")] = 50,
) -> Answer:
    """Find words in names, tags, notes, markers and chapters, on the screens, and in what was said."""
    with invocation.client() as client, working("searching"):
        found = client.search(" ".join(text), session=session, limit=limit, meaning=meaning)
    if meaning and not found.meaning:
        invocation.warn([_NO_MEANINGS])
    return Answer(found)


def transcript(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    form: Annotated[TranscriptFormat, typer.Option("--format", help="How it is written.")] = TranscriptFormat.TXT,
) -> Answer | None:
    """Print what was said in a session, so far as it was enriched."""
    with invocation.client() as client, working("reading"):
        found = client.transcript(session)
    if found.complete < 1:
        share = f"{100 * found.complete:.0f} %"
        invocation.warn([f"{share} of the sound was listened to; `reelctl enrich {session}` does the rest"])
    if invocation.json or form is TranscriptFormat.JSON:
        print_json(to_plain(found))
        return None
    text = _WRITERS[form](found.utterances)
    # A file keeps what joins letters and parts words; nothing steers a terminal, not even by `cat`.
    clean = printable if sys.stdout.isatty() else without_controls
    sys.stdout.write("\n".join(clean(line) for line in text.split("\n")))
    return None


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (search, transcript):
        command(app)(function)
