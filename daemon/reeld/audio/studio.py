"""What the graph of a session begins and ends in: devices and other sources, tracks, files, what is told.

Made by the main thread, used by the pump, but for what says otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec import structs

from reeld.audio.codecs.file_sinks import FileSink, encoded_sink, wav_sink
from reeld.audio.codecs.file_source import FileSource
from reeld.audio.feed import Feed
from reeld.audio.generators import silence_reader, tone_reader
from reeld.audio.graph.negotiation import Format
from reeld.audio.graph.nodes import Noted
from reeld.audio.graph.ports import split_reference
from reeld.audio.graph.walking import sources_of
from reeld.audio.samples import Samples, ns_to_frames, silence
from reeld.audio.telling import LevelBoard, SpanTeller
from reeld.audio.track import Send, TrackWriter
from reeld.runtime.clock import SessionClock
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import (
    AnyNode,
    BufferNode,
    DeviceNode,
    EncodedFileNode,
    FileNode,
    LevelFeedNode,
    SinkNode,
    SoundGraph,
    SourceNode,
    SpanFeedNode,
    ToneNode,
    TrackNode,
    WavNode,
)
from reeld_proto.workers import StartAudio


@dataclass
class Ahead:
    """How far sources are read: as far as is certain at monotonic `now_ns`, or, at the end, up to media frame `end`."""

    now_ns: int = 0
    end: int | None = None


@dataclass
class Studio:
    """The ends of one session's graphs; a graph that follows another one finds its devices, tracks and files again.

    graph_ns: media time at which the graph at work began.
    """

    order: StartAudio
    clock: SessionClock
    send: Send
    board: LevelBoard
    ahead: Ahead = field(default_factory=Ahead)
    graph_ns: int = 0
    feeds: dict[str, Feed] = field(default_factory=dict)
    tracks: dict[str, TrackWriter] = field(default_factory=dict)
    _begins: dict[str, tuple[int, int]] = field(default_factory=dict)
    _files: dict[str, tuple[AnyNode, FileSink]] = field(default_factory=dict)
    _players: dict[str, tuple[AnyNode, FileSource]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spans = SpanTeller(self.order.session, self.order.epoch, self.send)
        self.devices = dict(self.order.devices)
        self._specs = {spec.track: spec for spec in self.order.tracks}

    # -- what a graph asks for ------------------------------------------------------------------------------------

    def source(self, node: SourceNode) -> Callable[[int], Samples]:
        """Where a source reads. Raises RequestRejected for a file that cannot be read."""
        match node:
            case DeviceNode():
                return self._device_reader(self.feeds[node.name])
            case ToneNode():
                return tone_reader(node)
            case FileNode():
                return self._file_reader(node)
            case _:
                return silence_reader()

    def sink(self, node: SinkNode, form: Format) -> Callable[[Samples], None]:
        """Where a sink writes. Raises RequestRejected for a file that cannot be written, or a missing codec."""
        match node:
            case TrackNode():
                return self._track(node, form).write
            case WavNode() | EncodedFileNode():
                return self._file(node, form).write
            case BufferNode():
                return Buffer(node, form).write
            case _:
                return lambda _samples: None

    def tell(self, node: LevelFeedNode | SpanFeedNode, noted: Sequence[Noted]) -> None:
        """Take observations."""
        if isinstance(node, SpanFeedNode):
            self.spans.add(node, noted, self.graph_ns)
        else:
            self.board.add(noted, self.graph_ns)

    def is_watched(self, node: LevelFeedNode) -> bool:  # noqa: ARG002 - there is one audience for all of them
        """Whether anybody wants levels now."""
        return self.board.wanted

    # -- what the recorder asks for -------------------------------------------------------------------------------

    def admit(self, graph: SoundGraph, first_frame: int) -> list[str]:
        """Feeds for the devices of a graph that begins at media frame `first_frame`; names of those that are new."""
        fresh = [node for node in device_nodes(graph) if node.name not in self.feeds]
        for node in fresh:
            device = self.devices.get(node.name, node.device)
            self.feeds[node.name] = Feed(device, self.clock, first_frame)
        return [node.name for node in fresh]

    def dismiss(self, graph: SoundGraph) -> list[str]:
        """Devices that the graph no longer has; their feeds are dropped."""
        kept = {node.name for node in device_nodes(graph)}
        gone = [name for name in self.feeds if name not in kept]
        self.forget(gone)
        return gone

    def forget(self, devices: Sequence[str]) -> None:
        """Drop the feeds of these devices."""
        for name in devices:
            del self.feeds[name]

    def attribute(self, graph: SoundGraph) -> None:
        """Tell each track which devices it hears: their silences are its own, if it hears nothing else.

        And the board, whose levels are told.
        """
        self.board.expect(meters_of(graph))
        for name, writer in self.tracks.items():
            feeds = self._feeds_of(name, graph)
            writer.hear([feed.silences for feed in feeds], feeds[0].sound_clock if len(feeds) == 1 else None)

    def in_order(self) -> list[TrackWriter]:
        """The tracks as the session lists them."""
        return [self.tracks[name] for name in self._specs if name in self.tracks]

    def finish(self, end_ns: int) -> None:
        """The tracks and files end at media time `end_ns`."""
        for name, writer in self.tracks.items():
            first, rate = self._begins[name]
            writer.finish(max(ns_to_frames(end_ns, rate), first), end_ns)
        for _, sink in self._files.values():
            sink.finish()

    def close(self) -> None:
        """Free encoders and files. May be called twice."""
        for writer in self.tracks.values():
            writer.close()
        for _, sink in self._files.values():
            sink.close()
        for _, player in self._players.values():
            player.close()

    def _device_reader(self, feed: Feed) -> Callable[[int], Samples]:
        def read(frames: int) -> Samples:
            ahead = self.ahead
            if ahead.end is None:
                return feed.take(ahead.now_ns, frames)
            return feed.take_until(ahead.end, frames) if feed.media_frame < ahead.end else silence(0)

        return read

    def _file_reader(self, node: FileNode) -> Callable[[int], Samples]:
        before = self._players.get(node.name)
        if before is None or before[0] != node:
            if before is not None:
                before[1].close()
            before = self._players[node.name] = node, FileSource(Path(node.path), loop=node.loop)
        return before[1].read

    def _file(self, node: WavNode | EncodedFileNode, form: Format) -> FileSink:
        before = self._files.get(node.name)
        if before is not None and structs.replace(before[0], inputs=[]) == structs.replace(node, inputs=[]):
            return before[1]
        if before is not None:
            before[1].finish()
            before[1].close()
        path = Path(node.path)
        sink = (
            wav_sink(path, node.samples, rate=form.rate, channels=form.channels)
            if isinstance(node, WavNode)
            else encoded_sink(path, node.codec, rate=form.rate, channels=form.channels)
        )
        self._files[node.name] = node, sink
        return sink

    def _track(self, node: TrackNode, form: Format) -> TrackWriter:
        if node.name not in self._specs:
            raise RequestRejected(f"the session has no track {node.name}")
        if node.name not in self.tracks:
            first = ns_to_frames(self.graph_ns, form.rate)
            self._begins[node.name] = first, form.rate
            self.tracks[node.name] = TrackWriter(
                session=self.order.session,
                spec=structs.replace(self._specs[node.name], rate=form.rate, channels=form.channels),
                epoch=self.order.epoch,
                first_frame=first,
                send=self.send,
            )
        return self.tracks[node.name]

    def _feeds_of(self, track: str, graph: SoundGraph) -> list[Feed]:
        """The devices of a track that hears nothing but devices: what is made here is never missing, however silent."""
        heard = sources_of(track, graph)
        devices = [node for node in heard if isinstance(node, DeviceNode)]
        return [self.feeds[node.name] for node in devices] if len(devices) == len(heard) else []


class Buffer:
    """The newest seconds of sound, for whoever looks. node: how many."""

    def __init__(self, node: BufferNode, form: Format) -> None:
        self._limit = round(node.seconds * form.rate)
        self._ring = np.zeros((self._limit, form.channels), np.float32)
        self._written = 0

    def write(self, samples: Samples) -> None:
        """Keep these frames; the oldest go."""
        newest = samples[-self._limit :]
        at = (self._written + len(samples) - len(newest)) % self._limit
        first = min(len(newest), self._limit - at)
        self._ring[at : at + first] = newest[:first]
        self._ring[: len(newest) - first] = newest[first:]
        self._written += len(samples)

    def samples(self) -> Samples:
        """What is kept, oldest first; a copy."""
        if self._written <= self._limit:
            return self._ring[: self._written].copy()
        at = self._written % self._limit
        return np.concatenate([self._ring[at:], self._ring[:at]])


def meters_of(graph: SoundGraph) -> set[str]:
    """The nodes whose levels are told."""
    feeds = [node for node in graph.nodes if isinstance(node, LevelFeedNode)]
    return {split_reference(reference)[0] for feed in feeds for reference in feed.inputs}


def device_nodes(graph: SoundGraph) -> list[DeviceNode]:
    """The devices of a graph."""
    return [node for node in graph.nodes if isinstance(node, DeviceNode)]


def track_of(device: str, graph: SoundGraph) -> str:
    """The track that a device is heard in: alone, if there is one, else any; empty without one."""
    heard = {
        node.name: [source.name for source in sources_of(node.name, graph)]
        for node in graph.nodes
        if isinstance(node, TrackNode)
    }
    return next(
        (name for name, sources in heard.items() if sources == [device]),
        next((name for name, sources in heard.items() if device in sources), ""),
    )
