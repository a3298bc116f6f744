"""CMAF chunks taken apart and put together: samples with their exact times, without FFmpeg.

DESIGN: opening every chunk with FFmpeg costs a probe and a decoded frame each, and its H.264 parser replaces the
durations that the file states. The few boxes of ISO/IEC 14496-12 that a chunk has (moof: tfhd, tfdt, trun; mdat) are
read here instead, and written where samples are only left out: nothing needs to be encoded for that. Pure.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from reeld_proto.errors import InternalError, StoreCorrupt

_NON_SYNC = 0x10000
"""sample_is_non_sync_sample of the sample flags."""
_BASE_IS_MOOF = 0x20000
_TRUN_FIELDS = 0xF01
"""Data offset; duration, size, flags and composition offset of each sample."""
_TRACK = 1
"""The number that FFmpeg's muxer gives the only track of an init segment."""
_TFHD_SKIPPED = ((0x1, 8), (0x2, 4))
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"mvex", b"moof", b"traf"})


@dataclass(frozen=True, slots=True)
class Init:
    """What an init segment says about its one track. The defaults hold where a chunk is silent."""

    timescale: int
    duration: int
    size: int
    flags: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame or audio packet. dts, pts, duration: ticks of the track's timescale. data: borrowed from the chunk."""

    dts: int
    pts: int
    duration: int
    sync: bool
    data: memoryview


def parse_init(data: bytes) -> Init:
    """Read an init segment. Raises StoreCorrupt if it is not one."""
    try:
        found = {kind: body for kind, body, _ in boxes(memoryview(data))}
        mdhd, trex = found[b"mdhd"], found[b"trex"]
        (timescale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] == 1 else 12)
        duration, size, flags = struct.unpack_from(">III", trex, 12)
    except (KeyError, struct.error, IndexError) as error:
        raise StoreCorrupt("not an init segment of one track") from error
    if timescale == 0:
        raise StoreCorrupt("an init segment without a timescale")
    return Init(timescale, duration, size, flags)


def parse_chunk(data: bytes, init: Init) -> list[Sample]:
    """The samples of a chunk in decoding order. Raises StoreCorrupt if it is not a chunk or points outside itself."""
    samples: list[Sample] = []
    view = memoryview(data)
    try:
        for kind, body, offset in _top_boxes(view):
            if kind == b"moof":
                samples += _samples(view, offset, body, init)
    except (struct.error, IndexError) as error:
        raise StoreCorrupt("a chunk ends in the middle of a box") from error
    if not samples:
        raise StoreCorrupt("a chunk without samples")
    return samples


def _top_boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview, int]]:
    """Boxes at this level: type, content, and where the box begins."""
    offset = 0
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, offset + 8)
            header = 16
        elif size == 0:
            size = len(data) - offset
        if size < header or offset + size > len(data):
            raise StoreCorrupt(f"box {kind!r} does not fit")
        yield kind, data[offset + header : offset + size], offset
        offset += size


def boxes(data: memoryview, depth: int = 0) -> Iterator[tuple[bytes, memoryview, int]]:
    """Boxes at every level that this module knows: type, content, and where it begins in the box around it.

    Raises StoreCorrupt for a box that does not fit, struct.error for the rest of one.
    """
    for kind, body, offset in _top_boxes(data):
        yield kind, body, offset
        if kind in _CONTAINERS and depth < 8:
            yield from boxes(body, depth + 1)


def _samples(chunk: memoryview, moof_offset: int, moof: memoryview, init: Init) -> list[Sample]:
    samples: list[Sample] = []
    duration, size, flags, dts = init.duration, init.size, init.flags, 0
    position = moof_offset
    for kind, body, _ in boxes(moof):
        if kind == b"tfhd":
            duration, size, flags = _defaults(body, init)
        elif kind == b"tfdt":
            (dts,) = struct.unpack_from(">Q" if body[0] == 1 else ">I", body, 4)
        elif kind == b"trun":
            run, position = _run(chunk, moof_offset, position, body, dts, (duration, size, flags))
            samples += run
            if run:
                dts = run[-1].dts + run[-1].duration
    return samples


def _full_flags(body: memoryview) -> int:
    (word,) = struct.unpack_from(">I", body, 0)
    return int(word) & 0xFFFFFF


def _defaults(tfhd: memoryview, init: Init) -> tuple[int, int, int]:
    present, offset = _full_flags(tfhd), 8
    for flag, width in _TFHD_SKIPPED:
        offset += width if present & flag else 0
    values = [init.duration, init.size, init.flags]
    for index, flag in enumerate((0x8, 0x10, 0x20)):
        if present & flag:
            (values[index],) = struct.unpack_from(">I", tfhd, offset)
            offset += 4
    return values[0], values[1], values[2]


def _run(
    chunk: memoryview, moof_offset: int, position: int, trun: memoryview, dts: int, defaults: tuple[int, int, int]
) -> tuple[list[Sample], int]:
    """Samples of one trun, and where its data ends."""
    present = _full_flags(trun)
    (count,) = struct.unpack_from(">I", trun, 4)
    offset = 8
    if present & 0x1:
        (relative,) = struct.unpack_from(">i", trun, offset)
        position = moof_offset + relative
        offset += 4
    first_flags = None
    if present & 0x4:
        (first_flags,) = struct.unpack_from(">I", trun, offset)
        offset += 4
    samples = []
    for index in range(count):
        duration, size, flags = defaults
        if index == 0 and first_flags is not None:
            flags = first_flags
        composition = 0
        if present & 0x100:
            (duration,) = struct.unpack_from(">I", trun, offset)
            offset += 4
        if present & 0x200:
            (size,) = struct.unpack_from(">I", trun, offset)
            offset += 4
        if present & 0x400:
            (flags,) = struct.unpack_from(">I", trun, offset)
            offset += 4
        if present & 0x800:
            (composition,) = struct.unpack_from(">i", trun, offset)
            offset += 4
        if position < 0 or position + size > len(chunk):
            raise StoreCorrupt("a sample lies outside its chunk")
        data = chunk[position : position + size]
        samples.append(Sample(dts, dts + composition, duration, not flags & _NON_SYNC, data))
        position += size
        dts += duration
    return samples, position


def pack_chunk(samples: Sequence[Sample], number: int = 1) -> bytes:
    """One chunk, moof and mdat, of samples in decoding order: what `parse_chunk` reads back, under any init segment.

    number: of the fragment, counted from 1. Raises InternalError for no samples or times that do not rise.
    """
    if not samples:
        raise InternalError("a chunk needs at least one sample")
    rows = []
    for sample, following in zip_longest(samples, samples[1:]):
        duration = sample.duration if following is None else following.dts - sample.dts
        if duration <= 0:
            raise InternalError(f"a sample at {sample.dts} would last {duration} ticks")
        flags = 0 if sample.sync else _NON_SYNC
        rows.append(struct.pack(">IIIi", duration, len(sample.data), flags, sample.pts - sample.dts))
    mfhd = _box(b"mfhd", struct.pack(">II", 0, number))
    tfhd = _box(b"tfhd", struct.pack(">II", _BASE_IS_MOOF, _TRACK))
    tfdt = _box(b"tfdt", struct.pack(">IQ", 1 << 24, samples[0].dts))

    def moof(data_offset: int) -> bytes:
        head = struct.pack(">IIi", 1 << 24 | _TRUN_FIELDS, len(rows), data_offset)
        return _box(b"moof", mfhd + _box(b"traf", tfhd + tfdt + _box(b"trun", head + b"".join(rows))))

    return moof(len(moof(0)) + 8) + _box(b"mdat", b"".join(bytes(sample.data) for sample in samples))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body
