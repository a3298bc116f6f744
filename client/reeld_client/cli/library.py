"""Commands about what was recorded: sessions, show, export, verify."""

from typing import Annotated, Unpack

import typer

from reeld_client import calls
from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.jobs import OPTIONS, JobOptions, carried_out
from reeld_client.cli.progress import working
from reeld_client.cli.remix import (
    BalanceOption,
    GainOption,
    MuteOption,
    RemixOption,
    SetOption,
    UnmuteOption,
    remix_of,
)
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import SampleFormat

_Seconds = float | None


def sessions(
    invocation: Invocation,
    *,
    status: Annotated[
        SessionState | None, typer.Option("--status", metavar="STATE", help="Only of this state.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="T", help="Only with this tag.", show_default=False)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            "--text",
            metavar="Q",
            help='Only with these words in name, tags, note or markers: OR, "a phrase", meet*.',
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="T", help="Only from this date or instant on (ISO 8601).", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="T", help="Only up to this date or instant.", show_default=False),
    ] = None,
    any_of: Annotated[bool, typer.Option("--any", help="One of these is enough, instead of all.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many.", show_default=False)
    ] = None,
) -> Answer:
    """List the sessions in the store, newest first; with --text the best match first."""
    with invocation.client() as client, working("searching"):
        found = client.list_sessions(
            status=status, tag=tag, text=text, since=since, until=until, any_of=any_of, limit=limit
        )
    invocation.warn(found.warnings, always=True)
    return Answer(found.sessions)


def show(invocation: Invocation, *, session: values.SessionArgument) -> Answer:
    """Describe one session: tracks, gaps, markers."""
    with invocation.client() as client:
        found = client.show(session)
    return Answer(found)


def timeline(invocation: Invocation, *, session: values.SessionArgument) -> Answer:
    """Tell what happened when in a session: gaps, markers, voices, silences, changes of the sound."""
    with invocation.client() as client:
        return Answer(client.timeline(session))


def export(  # noqa: PLR0913 - one parameter an option
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    output: values.OutputOption,
    from_s: Annotated[_Seconds, typer.Option("--from", metavar="S", help="Begin here, in playback seconds.")] = None,
    to_s: Annotated[_Seconds, typer.Option("--to", metavar="S", help="End here, in playback seconds.")] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="T",
            help="Only this track; repeatable. Default: all; of a sound file, which holds one, the mix.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        SampleFormat | None,
        typer.Option("--samples", help="How samples lie in a WAV file. Default: i24.", show_default=False),
    ] = None,
    remix: RemixOption = False,
    gain: GainOption = None,
    mute: MuteOption = None,
    unmute: UnmuteOption = None,
    balance: BalanceOption = None,
    set_: SetOption = None,
    **job: Unpack[JobOptions],
) -> Answer:
    """Write a session as an MP4 file that any player opens; only what a cut needs is encoded again.

    A FILE that ends in .wav, .flac, .opus, .ogg, .m4a or .aac gets one sound of it, exact to the sample.
    """
    values.check_range(from_s, to_s)
    faults: list[str] = []
    wanted = remix_of(remix=remix, gain=gain, mute=mute, unmute=unmute, balance=balance, set_=set_, faults=faults)
    if faults:
        raise values.invalid(faults)
    path = values.check_output(output)
    call = calls.export(session, path, from_s, to_s, track, samples, wanted)
    return carried_out(invocation, call, f"exporting to {path.name}", **job)


def verify(
    invocation: Invocation,
    *,
    session: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this session.", autocompletion=session_ids)
    ] = None,
    max_duration: Annotated[
        float | None,
        typer.Option(
            "--max-duration",
            metavar="S",
            min=0.0,
            help="Hash for so many seconds only, least recently checked first.",
            show_default=False,
        ),
    ] = None,
    **job: Unpack[JobOptions],
) -> Answer:
    """Check that every chunk is there and intact, and that every second is explained. Exit code 7 if not."""
    return carried_out(invocation, calls.verify(session, max_duration), "verifying", **job)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (sessions, show, timeline):
        command(app)(function)
    for long in (export, verify):
        command(app, OPTIONS)(long)
