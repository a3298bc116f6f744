"""Messages for the ingest socket that are not what they should be, made from good ones."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from reeld.store.ingest import CODEC_CHARS_MAX, INIT_BYTES_MAX
from reeld.store.intake import ENVELOPE_BYTES_MAX
from reeld_proto import codec
from reeld_proto.records import SoundClock
from reeld_proto.workers import ClockFitted
from tests.daemon.store.builders import NS, SESSION, chunk, gap

Frames = list[bytes]

_TOO_LONG = bytes(ENVELOPE_BYTES_MAX + 1)
_TOO_MUCH_INIT = bytes(INIT_BYTES_MAX + 1)
_WRONG: list[Any] = [
    None,
    True,
    -1,
    1 << 63,
    1.5,
    "x",
    b"x",
    [],
    [1, [2, [3]]],
    {},
    {"a": {"b": None}},
    "\0",
    "x" * 5000,
]
_OPTIONAL = frozenset({"id", "sent_ns", "token", "dropped", "unchanged", "silence_ns", "shift_ns"})
_INTS = ("epoch", "start_ns", "end_ns", "frames", "dropped", "unchanged", "silence_ns")


def good_chunk(chance: random.Random) -> Frames:
    start = chance.randrange(1000)
    message = chunk(start * NS, (start + 1) * NS).message
    packed = codec.pack(message, seq=chance.randrange(1, 1 << 40), sender="fuzz-1", sent_ns=5)
    return [packed, chance.randbytes(50), b"init"]


def good_gap(chance: random.Random) -> Frames:
    start = chance.randrange(1000)
    message = gap(start * NS, (start + 1) * NS).message
    return [codec.pack(message, seq=chance.randrange(1, 1 << 40), sender="fuzz-1", sent_ns=5)]


def good_clock(chance: random.Random) -> Frames:
    figures = (chance.uniform(-500, 500) for _ in range(3))
    clock = SoundClock(ppm=next(figures), residual_ms=1.5, offset_ms=next(figures), corrected_ms=next(figures))
    message = ClockFitted(session=SESSION, track="mix", epoch=1, at_ns=chance.randrange(1000) * NS, clock=clock)
    return [codec.pack(message, seq=chance.randrange(1, 1 << 40), sender="fuzz-1", sent_ns=5)]


def good(chance: random.Random) -> Frames:
    return chance.choices([good_chunk, good_gap, good_clock], [6, 3, 1])[0](chance)


def cut(chance: random.Random) -> Frames:
    envelope, *rest = good(chance)
    return [envelope[: chance.randrange(len(envelope))], *rest]


def flipped(chance: random.Random) -> Frames:
    """Some bits of the envelope turned: what is left may still be a message, of another meaning."""
    envelope, *rest = good(chance)
    turned = bytearray(envelope)
    for _ in range(chance.choice([1, 1, 2, 8, 40])):
        turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
    return [bytes(turned), *rest]


def junk(chance: random.Random) -> Frames:
    return [chance.randbytes(chance.choice([0, 1, 2, 10, 200])) for _ in range(chance.randrange(1, 5))]


def wrong_number_of_frames(chance: random.Random) -> Frames:
    frames = good_chunk(chance)
    kind = chance.randrange(5)
    if kind == 0:
        return frames[:1]
    if kind == 1:
        return frames[:2]
    if kind == 2:
        return [*good_gap(chance), b"payload", b"init"]
    return [*frames, *[b""] * chance.choice([1, 2, 50])]


def huge(chance: random.Random) -> Frames:
    envelope, payload, _ = good_chunk(chance)
    if chance.random() < 0.5:
        return [_TOO_LONG, payload, b"init"]
    return [envelope, payload, _TOO_MUCH_INIT]


def wrong_type(chance: random.Random) -> Frames:
    """A field of the envelope or of its body is of another type, or missing."""
    packed, *rest = good_chunk(chance)
    value = msgspec.msgpack.decode(packed)
    part = value if chance.random() < 0.3 else value["body"]
    required = [key for key in part if key not in _OPTIONAL]
    key = chance.choice(required)
    if chance.random() < 0.2:
        del part[key]
    else:
        part[key] = chance.choice([each for each in _WRONG if not _could_be(part[key], each)])
    return [msgspec.msgpack.encode(value), *rest]


def _could_be(good: Any, wrong: Any) -> bool:
    return type(good) is type(wrong) or (isinstance(good, int) and isinstance(wrong, int | float))


def impossible(chance: random.Random) -> Frames:
    """A message in good form about something that cannot be."""
    packed, payload, init = good_chunk(chance)
    value = msgspec.msgpack.decode(packed)
    body = value["body"]
    match chance.randrange(7):
        case 0:
            body["session"] = chance.choice(["", "none", "x" * 129, "a\0b", "../../etc"])
        case 1:
            body["track"] = chance.choice(["", "video-9", "y" * 500, "\0"])
        case 2:
            body["end_ns"] = body["start_ns"] - chance.randrange(1 << 40)
        case 3:
            body[chance.choice(_INTS)] = chance.choice([-1, -(1 << 62), (1 << 63) + 5])
        case 4:
            body["codec"] = "c" * (CODEC_CHARS_MAX + 1 + chance.randrange(5000))
        case 5:
            payload = b""
        case 6:
            value["sender"] = chance.choice(["", "z" * 600, "a\0b"])
    return [msgspec.msgpack.encode(value), payload, init]


MUTATIONS: list[Callable[[random.Random], Frames]] = [
    cut,
    flipped,
    junk,
    wrong_number_of_frames,
    wrong_type,
    impossible,
]
