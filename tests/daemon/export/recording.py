"""Sessions whose every picture tells its number and whose sound is a tone, put into a store as producers would."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from reeld.audio.encoder import encoder_for
from reeld.audio.samples import frames_to_ns
from reeld.media.cmaf import CmafEncoder
from reeld.media.fit import fitted
from reeld.store import sessions
from reeld.store.api import Fate, IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld_proto.records import GapReason, SessionState, TrackKind
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.workers import ChunkCaptured, CreateSession, FinishSession, GapFound, TrackRecord

VIDEO_TIMESCALE = 90_000
RATE = 48_000
NS = 1_000_000_000
LEVELS = 50


def picture(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A flat I420 picture whose luma and chroma spell `number` (0 to 2499)."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = 20 + (number % LEVELS) * 4
    planes[height : height * 5 // 4] = 20 + (number // LEVELS) * 4
    return planes


def number_in(frame: Any) -> int:
    """The number that a decoded picture spells."""
    planes = fitted(frame, frame.width, frame.height).to_ndarray()
    height = frame.height
    low = round((float(planes[:height].mean()) - 20) / 4)
    high = round((float(planes[height : height * 5 // 4].mean()) - 20) / 4)
    return high * LEVELS + low


@dataclass
class Recording:
    """One session being put into `store`."""

    store: StoreEnvironment
    session: str = "20261122-170509-test"
    tracks: Sequence[str] = ("video-1", "mix", "mic", "system")
    _seq: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def new(cls, path: Path, **options: Any) -> "Recording":
        recording = cls(StoreEnvironment.open_write(path), **options)
        records = [
            TrackRecord(
                id=track,
                kind=TrackKind.VIDEO if track.startswith("video") else TrackKind.AUDIO,
                codec="",
                label=f"Label of {track}",
                source=track,
            )
            for track in recording.tracks
        ]
        order = CreateSession(
            session=recording.session, name="test", tags=[], started_wall_ns=0, started_mono_ns=0, tracks=records
        )
        with recording.store.write() as txn:
            sessions.create(txn, order)
        return recording

    def put(self, message: ChunkCaptured | GapFound, payload: bytes = b"", init: bytes = b"") -> None:
        with self.store.write() as txn:
            batch = Batch(txn)
            landing = batch.land(IngestItem("producer", next(self._seq), message, payload, init))
            batch.finish()
        assert landing.fate is Fate.STORED, landing

    def gap(self, track: str, start_s: float, end_s: float, reason: GapReason, epoch: int = 1) -> None:
        self.put(
            GapFound(
                session=self.session,
                track=track,
                epoch=epoch,
                start_ns=round(start_s * NS),
                end_ns=round(end_s * NS),
                reason=reason,
            )
        )

    def finish(self, end_s: float) -> None:
        order = FinishSession(session=self.session, end_ns=round(end_s * NS), state=SessionState.COMPLETED)
        with self.store.write() as txn:
            sessions.finish(txn, order)

    def video(
        self,
        times_s: Sequence[float],
        end_s: float,
        *,
        track: str = "video-1",
        first_number: int = 0,
        chunk_frames: int = 10,
        epoch: int = 1,
        size: tuple[int, int] = (160, 96),
        lose: Sequence[int] = (),
        keyframe_every: int = 1000,
    ) -> None:
        """Pictures first_number, first_number + 1, ... at `times_s`; `lose` names chunks that never arrive."""
        width, height = size

        def configure(stream: Any) -> None:
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.gop_size = keyframe_every

        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "10"}
        encoder = CmafEncoder("libx264", timescale=VIDEO_TIMESCALE, options=options, configure=configure)
        packets = []
        for offset, time_s in enumerate(times_s):
            frame: Any = av.VideoFrame.from_ndarray(picture(first_number + offset, *size), format="yuv420p")
            frame.pts, frame.time_base = round(time_s * VIDEO_TIMESCALE), Fraction(1, VIDEO_TIMESCALE)
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
        groups = [packets[at : at + chunk_frames] for at in range(0, len(packets), chunk_frames)]
        self._chunks(encoder, track, groups, round(end_s * VIDEO_TIMESCALE), "avc1.42C01E", epoch, lose)
        encoder.close()

    def sound(
        self,
        start_s: float,
        end_s: float,
        wave: Callable[[np.ndarray], np.ndarray],
        *,
        track: str = "mix",
        chunk_frames: int = 50,
        epoch: int = 1,
        lose: Sequence[int] = (),
    ) -> None:
        """`wave` of the time in seconds, stereo, from start to end (both rounded to whole AAC frames)."""

        def configure(stream: Any) -> None:
            stream.codec_context.layout = "stereo"

        encoder = CmafEncoder("aac", timescale=RATE, options={"b": "128k"}, configure=configure, rate=RATE)
        first = round(start_s * RATE / 1024) * 1024
        packets = []
        for at in range(first, round(end_s * RATE / 1024) * 1024, 1024):
            samples = wave((np.arange(at, at + 1024)) / RATE).astype(np.float32)
            frame: Any = av.AudioFrame.from_ndarray(np.stack([samples, samples]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            packets += encoder.encode(frame)
        packets += encoder.encode(None)
        packets = [packet for packet in packets if packet.pts >= first]
        groups = [packets[at : at + chunk_frames] for at in range(0, len(packets), chunk_frames)]
        self._chunks(encoder, track, groups, packets[-1].pts + 1024, "mp4a.40.2", epoch, lose)
        encoder.close()

    def samples(
        self,
        sound: np.ndarray,
        *,
        codec: SoundCodec,
        first_frame: int = 0,
        track: str = "mix",
        epoch: int = 1,
        lose: Sequence[int] = (),
        rate: int = RATE,
    ) -> None:
        """Frames as a recorder would write them; `lose` names chunks that never arrive."""
        encoder = encoder_for(codec, rate=rate, channels=sound.shape[1], first_frame=first_frame)
        end = first_frame + len(sound)
        chunks = [chunk for at in range(0, len(sound), 7200) for chunk in encoder.write(sound[at : at + 7200])]
        for index, chunk in enumerate(chunks + encoder.finish(end, frames_to_ns(end, rate))):
            message = ChunkCaptured(
                session=self.session,
                track=track,
                epoch=epoch,
                start_ns=chunk.start_ns,
                end_ns=chunk.end_ns,
                frames=chunk.packets,
                keyframe=True,
                codec=codec,
            )
            if index not in lose:
                self.put(message, chunk.data, encoder.init)
        encoder.close()

    def _chunks(
        self,
        encoder: CmafEncoder,
        track: str,
        groups: list[list[Any]],
        end: int,
        codec: str,
        epoch: int,
        lose: Sequence[int],
    ) -> None:
        starts = [group[0].dts for group in groups]
        for index, (group, stop) in enumerate(zip(groups, [*starts[1:], end], strict=True)):
            message = ChunkCaptured(
                session=self.session,
                track=track,
                epoch=epoch,
                start_ns=starts[index] * NS // encoder.timescale,
                end_ns=stop * NS // encoder.timescale,
                frames=len(group),
                keyframe=bool(group[0].is_keyframe),
                codec=codec,
            )
            payload = encoder.fragment(group, stop)
            if index not in lose:
                self.put(message, payload, encoder.init)


@dataclass
class Film:
    """A decoded file: pictures as (time in seconds, number), sound as samples of each audio track."""

    pictures: list[tuple[float, int]]
    sounds: list[tuple[float, np.ndarray]]
    """For each audio track its first sample's time, and mono samples by their time."""
    duration_s: float
    titles: list[str]


def watch(path: Path) -> Film:
    """Decode everything as a player would, edit lists applied."""
    with av.open(str(path)) as container:
        duration_s = (container.duration or 0) / 1e6
        titles = [stream.metadata.get("handler_name", "") for stream in container.streams]
        pictures = []
        if container.streams.video:
            pictures = [
                (float(frame.time or 0), number_in(frame)) for frame in container.decode(container.streams.video[0])
            ]
    sounds = []
    with av.open(str(path)) as container:
        count = len(container.streams.audio)
    for index in range(count):
        with av.open(str(path)) as container:
            frames = list(container.decode(container.streams.audio[index]))
            first = float(frames[0].time or 0)
            length = round((float(frames[-1].time or 0) - first) * RATE) + frames[-1].samples
            mono = np.zeros(length, np.float32)
            for sound in frames:
                at = round((float(sound.time or 0) - first) * RATE)
                mono[at : at + sound.samples] = sound.to_ndarray()[0]
            sounds.append((first, mono))
    return Film(pictures, sounds, duration_s, titles)
