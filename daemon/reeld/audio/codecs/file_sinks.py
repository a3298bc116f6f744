"""Sound written to files: WAV, FLAC, Opus in Ogg, AAC in MP4. Used by exports and by the sinks of the graph.

DESIGN: every file plays exactly the frames that were written, whatever its codec adds at both ends: the muxers state it
(pre-skip and the last page's position in Ogg, an edit list in MP4), once the encoder's last packet says how much of it
counts. ADTS (`.aac`) has no place for it: there packets lie on a grid from the first frame on, as in a track, and only
the last packet is filled up with silence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from reeld.audio.codecs.recipes import AAC_PACKET_FRAMES, Recipe, recipe_for
from reeld.audio.codecs.wav import WavSink
from reeld.audio.samples import CHANNELS, RATE, Samples
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SampleFormat, SoundCodec

_CONTAINERS = {SoundCodec.FLAC: "flac", SoundCodec.OPUS: "ogg", SoundCodec.AAC: "ipod"}
_ADTS = "adts"
_NUMBERS_MAX = 10_000
ENDINGS: dict[str, SoundCodec | None] = {
    ".wav": None,
    ".flac": SoundCodec.FLAC,
    ".opus": SoundCodec.OPUS,
    ".ogg": SoundCodec.OPUS,
    ".m4a": SoundCodec.AAC,
    ".aac": SoundCodec.AAC,
}
"""The codec of a sound file by its ending; None is PCM."""


class FileSink(Protocol):
    """A file being written. Used by one thread; OSError goes to the caller."""

    path: Path
    frames: int

    def write(self, samples: Samples) -> None:
        """Frames that follow; borrowed until return."""
        ...

    def finish(self) -> None:
        """Complete the file. Called once, after the last `write`."""
        ...

    def close(self) -> None:
        """Close the file as it is. May be called twice."""
        ...


def wav_sink(
    path: Path, samples: SampleFormat, *, rate: int = RATE, channels: int = CHANNELS, replace: bool = False
) -> FileSink:
    """A WAV file; path as for `encoded_sink`."""
    with _made(path, replace=replace) as own:
        return WavSink(own, rate=rate, channels=channels, samples=samples)


def encoded_sink(
    path: Path,
    codec: SoundCodec,
    *,
    rate: int = RATE,
    channels: int = CHANNELS,
    bit_rate: int | None = None,
    replace: bool = False,
    ending: str | None = None,
) -> FileSink:
    """A FLAC, Opus or AAC file. A path that exists gets a number before its ending, unless `replace`.

    ending: decides between containers where the path has none of its own, such as `.aac` for ADTS. Raises
    RequestRejected for a rate or channels that the codec does not have, or a path that cannot be written.
    """
    recipe = recipe_for(codec, rate, channels, bit_rate)
    plain = codec is SoundCodec.AAC and (ending or path.suffix).lower() == ".aac"
    with _made(path, replace=replace) as own:
        return _EncodedSink(own, recipe, _ADTS if plain else _CONTAINERS[codec])


def fresh(path: Path) -> Path:
    """`path`, or it with the first number before its ending that no file has; made, empty. Raises OSError."""
    for number in range(1, _NUMBERS_MAX):
        own = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            own.touch(exist_ok=False)
        except FileExistsError:
            continue
        return own
    raise FileExistsError(f"there are {_NUMBERS_MAX} files named like {path}")


@contextmanager
def _made(path: Path, *, replace: bool) -> Iterator[Path]:
    try:
        yield path if replace else fresh(path)
    except OSError as error:
        raise RequestRejected(
            f"{path} cannot be written: {error.strerror or error}",
            code=ErrorCode.NOT_FOUND if isinstance(error, FileNotFoundError) else ErrorCode.PERMISSION,
            remedy="Choose a file in a folder of your own.",
        ) from error


class _EncodedSink:
    """Packets of one encoder in a container of FFmpeg's."""

    def __init__(self, path: Path, recipe: Recipe, container: str) -> None:
        self.path = path
        self.frames = 0
        self._recipe = recipe
        self._on_grid = container == _ADTS
        options = {"movflags": "faststart", "movie_timescale": str(recipe.rate)} if container == "ipod" else {}
        self._container = av.open(str(path), "w", format=container, options=options)
        try:
            stream: Any = self._container.add_stream(recipe.encoder, rate=recipe.rate, options=recipe.options)
            stream.codec_context.layout = recipe.layout
            stream.codec_context.format = recipe.sample_format
            stream.codec_context.time_base = stream.time_base = Fraction(1, recipe.rate)
            self._container.start_encoding()
        except BaseException:
            self._container.close()
            raise
        self._stream = stream
        self._waiting = np.zeros((0, recipe.channels), np.float32)
        self._encoded = 0

    def write(self, samples: Samples) -> None:
        """Frames that follow; borrowed until return."""
        self.frames += len(samples)
        size = self._recipe.packet_frames
        waiting = np.concatenate([self._waiting, samples])
        usable = len(waiting) - len(waiting) % size
        for start in range(0, usable, size):
            self._encode(waiting[start : start + size])
        self._waiting = waiting[usable:]

    def finish(self) -> None:
        """Complete the file. Called once, after the last `write`."""
        if self._on_grid and len(self._waiting):
            self._waiting = np.pad(self._waiting, ((0, AAC_PACKET_FRAMES - len(self._waiting)), (0, 0)))
        if len(self._waiting):
            self._encode(self._waiting)
        for packet in self._stream.encode(None):
            self._mux(packet)
        self._container.close()

    def close(self) -> None:
        """Close the file as it is. May be called twice."""
        self._container.close()

    def _encode(self, samples: Samples) -> None:
        recipe = self._recipe
        frame: Any = av.AudioFrame.from_ndarray(
            recipe.shaped(samples), format=recipe.sample_format, layout=recipe.layout
        )
        frame.sample_rate = recipe.rate
        frame.pts, frame.time_base = self._encoded, Fraction(1, recipe.rate)
        self._encoded += len(samples)
        for packet in self._stream.encode(frame):
            self._mux(packet)

    def _mux(self, packet: Any) -> None:
        if not (self._on_grid and packet.pts < 0):
            self._container.mux(packet)
