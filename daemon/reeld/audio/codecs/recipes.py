"""How each encoder of FFmpeg is asked for packets that fit a track: its options, its delay, its form of samples.

DESIGN of the times: frame n of the input plays at n / rate s, whatever an encoder adds in front. Each adds a delay, and
a player knows nothing of it unless a container says so; ours does not have to, because packets are laid on a grid that
begins at the first frame, and what would lie before it is dropped. AAC's priming is one packet (1024 frames). Opus'
delay is 6.5 ms, so that silence is put before the first frame up to a whole packet. FLAC has none.

The decoder lacks what was dropped: it renders the first 21 ms (AAC) or 20 ms (Opus) of a track softly; no device
delivers its first sample that early.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from reeld.audio.graph.negotiation import CODEC_RATES
from reeld.audio.samples import Samples
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundCodec

AAC_RATES, OPUS_RATES = CODEC_RATES[SoundCodec.AAC], CODEC_RATES[SoundCodec.OPUS]
AAC_PACKET_FRAMES = 1024
"""ISO/IEC 14496-3."""
OPUS_PACKETS_PER_S = 50
"""20 ms each: libopus' usual, RFC 6716."""
FLAC_PACKET_FRAMES_MAX = 16_384
"""RFC 9639: a streamable block has no more."""
FLAC_SCALE = 2**23
CHANNELS_MAX = 8
AAC_QUALITY = "140"
"""Of a variable rate, in units of FFmpeg's lambda: 1.19 times 118."""
OPUS_BIT_RATE = 48_000
"""A channel, at 48 kHz; less in proportion at lower rates."""

Shaped = npt.NDArray[np.float32] | npt.NDArray[np.int32]
"""Shape (channels, frames), or (1, frames * channels) where channels alternate."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One encoder with its settings.

    packet_frames: in each packet. delay: frames by which its packets begin before what they were made from.
    short_end: whether the last packet may have fewer frames. shaped: samples as PyAV's frame takes them. repeats:
    whether a packet of silence among silent ones may be used again for the next.
    """

    codec: SoundCodec
    encoder: str
    sample_format: str
    rate: int
    channels: int
    packet_frames: int
    delay: int
    shaped: Callable[[Samples], Shaped]
    short_end: bool = False
    repeats: bool = True
    options: dict[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> str:
        """FFmpeg's name of the channels."""
        return {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels}c")


def recipe_for(codec: SoundCodec, rate: int, channels: int, bit_rate: int | None) -> Recipe:
    """What makes packets of this codec. Raises RequestRejected for a rate or channels it does not have."""
    known = {SoundCodec.AAC: AAC_RATES, SoundCodec.OPUS: OPUS_RATES}.get(codec)
    faults = []
    if known is not None and rate not in known:
        faults.append(f"{codec.upper()} has no rate of {rate} Hz, but {', '.join(map(str, sorted(known)))}")
    channels_max = CHANNELS_MAX if codec is SoundCodec.FLAC else 2
    if not 1 <= channels <= channels_max:
        faults.append(f"a track of {codec.upper()} has 1 to {channels_max} channels, not {channels}")
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults), remedy="Choose another, or codec = flac.")
    return {SoundCodec.AAC: _aac, SoundCodec.OPUS: _opus, SoundCodec.FLAC: _flac}[codec](rate, channels, bit_rate)


def without_pre_skip(init: bytes) -> bytes:
    """An init segment of Opus that tells players to skip nothing: the packets to skip are not there.

    One of another codec comes back as it is. The box is that of "Encapsulation of Opus in ISOBMFF", 4.3.2.
    """
    at = init.find(b"dOps") + 4
    return init if at < 4 else init[: at + 2] + b"\0\0" + init[at + 4 :]


def _aac(rate: int, channels: int, bit_rate: int | None) -> Recipe:
    if bit_rate is None:
        # Measured: of the same quality as 128 kb/s where sound is dense (130 to 140 kb/s), and a sixth of the time
        # where it is not: a constant rate searches for ways to spend what a tone does not need (32 ms a second).
        rates = {"global_quality": AAC_QUALITY, "flags": "+qscale"}
    else:
        # 6 bits a sample and channel at most (ISO/IEC 14496-3), which FFmpeg would lower with a warning.
        rates = {"b": str(min(bit_rate, 6 * rate * channels))}
    return Recipe(
        codec=SoundCodec.AAC,
        encoder="aac",
        sample_format="fltp",
        rate=rate,
        channels=channels,
        packet_frames=AAC_PACKET_FRAMES,
        delay=AAC_PACKET_FRAMES,
        shaped=_planar,
        # Measured at 128 kb/s on voice-like and music-like sound: half the time of FFmpeg's default search (8 instead
        # of 17 ms a second of stereo), and less noise in every band. Without noise substitution a decoder that begins
        # in the middle gives the very samples that one gives which began at the start.
        options={**rates, "aac_coder": "fast", "aac_pns": "0", "aac_is": "0", "aac_tns": "0"},
    )


def _opus(rate: int, channels: int, bit_rate: int | None) -> Recipe:
    bits = bit_rate or min(OPUS_BIT_RATE, rate * 3 // 2) * channels
    return Recipe(
        codec=SoundCodec.OPUS,
        encoder="libopus",
        sample_format="flt",
        rate=rate,
        channels=channels,
        packet_frames=rate // OPUS_PACKETS_PER_S,
        delay=rate * 13 // 2000,  # 6.5 ms: OPUS_GET_LOOKAHEAD; a test holds it against what libopus says
        shaped=_interleaved,
        # Complexity 0 of 10: 4 instead of 9 ms a second of stereo, and the same noise within 0.7 dB. Below 48 kHz the
        # speech coder costs little, and its simplest form is less exact in time.
        options={"b": str(bits), "compression_level": "0" if rate == OPUS_RATES[-1] else "4"},
    )


def _flac(rate: int, channels: int, _bit_rate: int | None) -> Recipe:
    frames = max(16, min(FLAC_PACKET_FRAMES_MAX, rate * 96 // 1000))
    return Recipe(
        codec=SoundCodec.FLAC,
        encoder="flac",
        sample_format="s32",
        rate=rate,
        channels=channels,
        packet_frames=frames,
        delay=0,
        shaped=_whole_numbers,
        short_end=True,
        options={"frame_size": str(frames)},
        repeats=False,  # every frame carries its number; and silence costs it next to nothing
    )


def _planar(samples: Samples) -> Shaped:
    return np.ascontiguousarray(samples.T)


def _interleaved(samples: Samples) -> Shaped:
    return np.ascontiguousarray(samples).reshape(1, -1)


def _whole_numbers(samples: Samples) -> Shaped:
    """24 bits, which FFmpeg wants at the top of 32. What is beyond full scale is clipped."""
    scaled = np.rint(samples * np.float32(FLAC_SCALE))
    whole = np.clip(scaled, -FLAC_SCALE, FLAC_SCALE - 1).astype(np.int32) << 8
    return np.ascontiguousarray(whole).reshape(1, -1)
