"""Options of `export` that make another mix, and what they change."""

from typing import Annotated

import typer

from reeld_client.cli.sound_words import MIX_BUS, change_of, volume_of
from reeld_proto.sound_graph import SoundChange

_MORE = "Implies --remix; repeatable."
RemixOption = Annotated[
    bool, typer.Option("--remix", help="Mix anew, from the tracks of the sources, as it was mixed then.")
]
GainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--gain", metavar="TARGET=DB", help=f"Another loudness throughout: mic=-6. {_MORE}", show_default=False
    ),
]
MuteOption = Annotated[
    list[str] | None,
    typer.Option("--mute", metavar="TARGET", help=f"Leave a source out of the mix. {_MORE}", show_default=False),
]
UnmuteOption = Annotated[
    list[str] | None,
    typer.Option("--unmute", metavar="TARGET", help=f"As if it had never been muted. {_MORE}", show_default=False),
]
BalanceOption = Annotated[
    float | None,
    typer.Option("--balance", metavar="0-100", help="Another balance throughout. Implies --remix.", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NODE.SETTING=VALUE", help=f"Another setting throughout. {_MORE}", show_default=False
    ),
]


def remix_of(
    *,
    remix: bool,
    gain: list[str] | None,
    mute: list[str] | None,
    unmute: list[str] | None,
    balance: float | None,
    set_: list[str] | None,
    faults: list[str],
) -> list[SoundChange] | None:
    """The settings asked for; None if no other mix is. faults: what is wrong is added."""
    changes = [SoundChange(node=volume_of(target), setting="muted", value=True) for target in mute or []]
    changes += [SoundChange(node=volume_of(target), setting="muted", value=False) for target in unmute or []]
    for text in gain or []:
        target, _, db = text.partition("=")
        changes += change_of(volume_of(target.strip()), f"gain_db={db}", faults)
    if balance is not None:
        changes.append(SoundChange(node=MIX_BUS, setting="balance", value=balance))
    for text in set_ or []:
        node, dot, setting = text.partition(".")
        if not dot:
            faults.append(f"{text!r} is no NODE.SETTING=VALUE, such as mix-limiter.ceiling_db=-3")
            continue
        changes += change_of(node.strip(), setting, faults)
    return changes if remix or changes or faults else None
