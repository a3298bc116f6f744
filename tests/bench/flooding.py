"""What the attackers of `tests.bench.flood` send: a corpus made beforehand, so that making it costs nothing meanwhile.

Seeded, so that a run can be repeated. Commands that change something are only sent broken: the flood must not end the
recording by asking for it.
"""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from reeld_proto import codec, commands
from reeld_proto.scopes import rule_of

Frames = list[bytes]
JUNK_MAX = 400
OVERSIZE = codec.COMMAND_BYTES_MAX + 1


def looking() -> list[commands.Command]:
    """Commands that may be carried out in a flood: they need nothing, change nothing and start no process."""
    costly = (commands.ListSources, commands.Describe, commands.GetStorage)
    return [
        kind()
        for kind in commands.AnyCommand.__args__
        if not rule_of(kind).changes
        and kind not in costly
        and not any(field.required for field in msgspec.structs.fields(kind))
    ]


def corpus(count: int, seed: int) -> list[Frames]:
    """Messages of every kind of badness."""
    dice = random.Random(seed)
    good = looking()
    makers: list[Callable[[random.Random, list[commands.Command]], Frames]] = [
        _valid, _replayed, _truncated, _with_tail, _bit_flipped, _wrong_types, _deep, _many_frames, _empty, _noise,
    ]  # fmt: skip
    found = [dice.choice(makers)(dice, good) for _ in range(count)]
    # Large ones are rare: every one of them is a quarter of a megabyte.
    found[:: max(1, count // 20)] = [[bytes(OVERSIZE)] for _ in found[:: max(1, count // 20)]]
    return found


def topics(count: int, seed: int) -> list[bytes]:
    """What is subscribed to in a flood of subscriptions."""
    dice = random.Random(seed)
    return [dice.randbytes(dice.choice((0, 1, 8, 64, 600))) for _ in range(count)]


def _packed(command: commands.Command, key: str) -> bytes:
    return codec.pack(command, id=key)


def _valid(dice: random.Random, good: list[commands.Command]) -> Frames:
    return [_packed(dice.choice(good), str(dice.random()))]


def _replayed(dice: random.Random, good: list[commands.Command]) -> Frames:
    return [_packed(dice.choice(good), "same")]


def _truncated(dice: random.Random, good: list[commands.Command]) -> Frames:
    data = _packed(dice.choice(good), "x")
    return [data[: dice.randrange(len(data))]]


def _with_tail(dice: random.Random, good: list[commands.Command]) -> Frames:
    return [_packed(dice.choice(good), "x") + dice.randbytes(dice.randrange(1, JUNK_MAX))]


def _bit_flipped(dice: random.Random, good: list[commands.Command]) -> Frames:
    data = bytearray(_packed(dice.choice(good), "x"))
    # The type names the command, and a flip in it could make another of it.
    at = dice.randrange(max(1, data.find(b"type") - 1))
    data[at] ^= 1 << dice.randrange(8)
    return [bytes(data)]


def _wrong_types(dice: random.Random, _good: list[commands.Command]) -> Frames:
    values: list[Any] = [None, -1, 2**63, 1.5, "x" * 2000, [], {}, [[]], b"\xff", {"type": 7}]
    kind = dice.choice(commands.AnyCommand.__args__)
    body = {"type": str(kind.__struct_config__.tag), **dict.fromkeys(kind.__struct_fields__, dice.choice(values))}
    envelope = {"v": dice.choice([1, "1", 2]), "seq": dice.choice(values), "id": "x", "body": body}
    # A command without fields would be a good one: then nothing but the envelope is wrong.
    envelope["v"] = envelope["v"] if kind.__struct_fields__ else "1"
    return [msgspec.msgpack.encode(envelope | ({"v": "1"} if rule_of(kind).changes else {}))]


def _deep(dice: random.Random, _good: list[commands.Command]) -> Frames:
    return [dice.choice((b"\x91", b"\x81\xa1a")) * dice.randrange(100, 5000)]


def _many_frames(dice: random.Random, good: list[commands.Command]) -> Frames:
    return [_packed(dice.choice(good), "x")] * dice.choice((2, 3, 50))


def _empty(_dice: random.Random, _good: list[commands.Command]) -> Frames:
    return [b""]


def _noise(dice: random.Random, _good: list[commands.Command]) -> Frames:
    return [dice.randbytes(dice.randrange(1, JUNK_MAX))]
