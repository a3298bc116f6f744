"""Media files of others: every picture tells its number, the sound is a tone."""

import wave
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.daemon.export.recording import RATE, picture


@dataclass
class Sample:
    """What a file is made of. tone_hz: 0 for no sound; pictures: 0 for none."""

    codec: str = "libx264"
    pictures: int = 90
    fps: int = 30
    tone_hz: float = 440.0
    sound_codec: str = "aac"
    rate: int = RATE
    size: tuple[int, int] = (160, 96)
    key_every: int = 40
    format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it; the name's end says in which container."""
        with av.open(str(path), "w") as container:
            container.metadata.update(self.metadata)
            video: Any = self._video(container) if self.pictures else None
            sound: Any = container.add_stream(self.sound_codec, rate=self.rate) if self.tone_hz else None
            if sound is not None:
                sound.layout = "stereo"
            for number in range(self.pictures):
                frame: Any = av.VideoFrame.from_ndarray(picture(number), format="yuv420p")
                frame = frame.reformat(*self.size, format=self.format)
                frame.pts, frame.time_base = number, Fraction(1, self.fps)
                container.mux(video.encode(frame))
            if video is not None:
                container.mux(video.encode(None))
            if sound is not None:
                for block in self._sound(sound):
                    container.mux(block)
        return path

    def _video(self, container: Any) -> Any:
        stream = container.add_stream(self.codec, rate=self.fps, options=self.options)
        stream.width, stream.height, stream.pix_fmt = *self.size, self.format
        stream.codec_context.gop_size = self.key_every
        return stream

    def _sound(self, stream: Any) -> Any:
        seconds = self.pictures / self.fps or 3.0
        times = np.arange(round(seconds * self.rate)) / self.rate
        tone = (0.5 * np.sin(2 * np.pi * self.tone_hz * times)).astype(np.float32)
        for at in range(0, len(tone), 1024):
            block = tone[at : at + 1024]
            frame: Any = av.AudioFrame.from_ndarray(np.stack([block, block]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = self.rate, at, Fraction(1, self.rate)
            yield stream.encode(frame)
        yield stream.encode(None)


def write_wav(path: Path, seconds: float = 3.0, rate: int = 44_100, tone_hz: float = 440.0) -> Path:
    """A mono WAV file of 16 bits."""
    times = np.arange(round(seconds * rate)) / rate
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((0.5 * 32767 * np.sin(2 * np.pi * tone_hz * times)).astype("<i2").tobytes())
    return path
