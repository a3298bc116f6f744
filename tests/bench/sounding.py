"""The graph of sound: the chain of the budget beside ffmpeg's filters, each node alone, and the live worker's CPU.

The chain: two sources of 48 kHz stereo, each resampled to 44.1 kHz and made half as loud, mixed, limited, metered. Ours
runs through the engine, sound in memory; ffmpeg reads the same sound from files, resamples with soxr as we do (and,
told beside it, with its own resampler), and what reading alone costs is taken off. Nodes are timed in blocks of 10 ms
(480 x 2) through the engine, ffmpeg's filters in the same way, its own start taken off; pedalboard's where it is
installed and has one.
"""

import itertools
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from reeld.audio.graph.building import Workshop
from reeld.audio.graph.negotiation import Format
from reeld.audio.graph.nodes import Noted
from reeld.audio.samples import RATE, Samples
from reeld_proto.sound_graph import LevelFeedNode, SinkNode, SourceNode, SpanFeedNode
from tests.bench.rows import Row
from tests.daemon.audio.graph.samples import graph_of
from tests.daemon.audio.harness import Player
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

BLOCK = 480
LIVE_BLOCK = 7200
"""What the pump takes at once: 150 ms."""
CHAIN = """
    a microphone
    b system-audio
    ra resampler < a : rate = 44100
    rb resampler < b : rate = 44100
    va volume < ra : gain_db = -6.0
    vb volume < rb : gain_db = -6.0
    bus mixer < va vb : limit = false
    lim limiter < bus
    meter meter < lim
    out null < meter
    feed level-feed < meter.levels
"""
PEER_CHAIN = (
    "[0:a]aresample=44100{resampler},volume=-6dB[a];[1:a]aresample=44100{resampler},volume=-6dB[b];"
    "[a][b]amix=inputs=2:normalize=0,alimiter=limit=0.891:level=0,ebur128=peak=sample"
)
THREE_BANDS = (
    "{frequency_hz = 100.0, kind = 'low-shelf', gain_db = 3.0}, {frequency_hz = 1000.0, gain_db = -3.0},"
    " {frequency_hz = 8000.0, kind = 'high-shelf', gain_db = 3.0}"
)
NODES = {
    "mixer of two": ("mixer < s t", "amix=inputs=2:normalize=0", None),
    "resampler 48 to 16 kHz": ("resampler < s : rate = 16000", "aresample=16000", "Resample"),
    "volume": ("volume < s : gain_db = -6.0", "volume=-6dB", "Gain"),
    "limiter": ("limiter < s", "alimiter=limit=0.891:level=0", "Limiter"),
    "compressor": ("compressor < s", "acompressor=ratio=4:threshold=0.1:attack=10:release=100", "Compressor"),
    "equaliser, three bands": (
        f"equaliser < s : bands = [{THREE_BANDS}]",
        "lowshelf=f=100:g=3,equalizer=f=1000:t=q:w=0.7:g=-3,highshelf=f=8000:g=3",
        "PeakFilter",
    ),
    "gate": ("gate < s", "agate=threshold=0.003", "NoiseGate"),
    "denoiser": ("denoiser < s", "afftdn=nr=12:nf=-50", None),
    "normaliser": ("normaliser < s", "dynaudnorm=f=20:g=3:p=0.7", None),
    "loudness": ("loudness < s", "loudnorm=I=-23:TP=-1:LRA=7", None),
    "meter": ("meter < s", "astats=metadata=1:reset=10", None),
    "silence detector": ("silence-detector < s", "silencedetect=n=-40dB:d=0.5", None),
    "voice detector": ("voice-detector < s", None, None),
    "channel map to mono": ("channel-map < s : channels = 1", "pan=mono|c0=0.5*c0+0.5*c1", None),
}
LISTENED = {
    "meter": "f level-feed < x.levels",
    "silence-detector": "f span-feed < x.spans : track = 'm'",
    "voice-detector": "f span-feed < x.spans : track = 'm'",
}
"""What listens to the observers; nobody would have them watch otherwise."""
LIVE_CPU_MAX = 1.5
"""Per cent of a core."""


class _Ends:
    """Sound from memory into nowhere; all levels are wanted."""

    def __init__(self, sound: Samples) -> None:
        self._sound = sound

    def source(self, node: SourceNode) -> Callable[[int], Samples]:
        position = 0 if node.name in {"a", "s"} else len(self._sound) // 3

        def read(frames: int) -> Samples:
            nonlocal position
            if position + frames > len(self._sound):
                position = 0
            position += frames
            return self._sound[position - frames : position]

        return read

    def sink(self, _node: SinkNode, _form: Format) -> Callable[[Samples], None]:
        return lambda _samples: None

    def tell(self, _node: LevelFeedNode | SpanFeedNode, _noted: Sequence[Noted]) -> None:
        pass

    def is_watched(self, _node: LevelFeedNode) -> bool:
        return True


def material(seconds: float) -> Samples:
    """Something between music and noise, loud enough for a limiter to work now and then."""
    rng = np.random.default_rng(3)
    frames = round(seconds * RATE)
    at = np.arange(frames) / RATE
    tones = sum(0.25 / k * np.sin(2 * np.pi * 220 * k * at * (1 + 0.001 * np.sin(5 * at))) for k in range(1, 9))
    swell = 0.6 + 0.5 * np.sin(2 * np.pi * 0.4 * at)
    noise = 0.03 * rng.standard_normal((frames, 2))
    return (tones[:, None] * swell[:, None] + noise).astype(np.float32)  # type: ignore[index]


def rows(folder: Path, *, short: bool) -> list[Row]:
    """The budget's chain, every node, and the live worker on a desk of its own with a sound server."""
    seconds = 15.0 if short else 600.0
    sound = material(20.0)
    files = [_raw(folder, "a", sound), _raw(folder, "b", np.roll(sound, len(sound) // 3, axis=0))]
    ours = _chain_s(sound, seconds)
    read = _ffmpeg_s(files, "[0:a]anullsink;[1:a]anull", seconds)
    peer, quick = (
        _ffmpeg_s(files, PEER_CHAIN.format(resampler=resampler), seconds) - read
        for resampler in (":resampler=soxr", "")
    )
    found = [
        Row(
            "sound: 2 x 48 kHz resampled, half as loud, mixed, limited, metered",
            f"{100 * ours / seconds:.2f} % of a core, {seconds / ours:.0f} x real time",
            f"ffmpeg {100 * peer / seconds:.2f} %, {100 * quick / seconds:.2f} % by its own resampler",
            ours / peer,
            1.0,
            "x the time",
        )
    ]
    found += [_node_row(name, *words, files, sound, short=short) for name, words in NODES.items()]
    with VirtualDesk(sound=True) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        found.append(live_row(desk, installation, 4.0 if short else 60.0))
    return found


def _node_row(
    name: str, ours: str, peer: str | None, plugin: str | None, files: list[Path], sound: Samples, *, short: bool
) -> Row:
    blocks = 300 if short else 6_000
    mine_us = _node_us(ours, sound, blocks)
    others = []
    peer_us = None
    if peer is not None:
        seconds = blocks * BLOCK / RATE * 10
        graph = f"[0:a][1:a]{peer}" if "inputs=2" in peer else f"[1:a]anullsink;[0:a]{peer}"
        rounds = 1 if short else 3
        spent = _ffmpeg_s(files, graph, seconds, rounds)
        spent -= _ffmpeg_s(files, "[1:a]anullsink;[0:a]anull", seconds, rounds)
        peer_us = max(0.01, spent / seconds * BLOCK / RATE * 1e6)
        others.append(f"ffmpeg {peer_us:.1f}")
    if plugin is not None and find_spec("pedalboard") is not None:
        others.append(f"pedalboard {_pedalboard_us(plugin, sound, blocks):.1f}")
    # No bar of its own: a block of 10 ms may take 1 % of its time.
    return Row(f"sound, 10 ms: {name}", f"{mine_us:.1f} us", ", ".join(others), mine_us, 150.0 * _heavy(name), "us")


def _heavy(name: str) -> float:
    return 4.0 if name in {"denoiser", "loudness"} else 1.0


def _chain_s(sound: Samples, seconds: float) -> float:
    """CPU seconds of our engine for so much sound, in the blocks of the live pump; the best of three parts."""
    graph = Workshop(_Ends(sound)).build(graph_of(CHAIN))
    until, best = 0, float("inf")
    for _ in range(3):
        began = time.thread_time()
        for _ in range(round(seconds / 3 * RATE / LIVE_BLOCK)):
            until += LIVE_BLOCK
            graph.pull(until)
        best = min(best, time.thread_time() - began)
    return 3 * best


def _node_us(words: str, sound: Samples, blocks: int) -> float:
    """Microseconds a block of 10 ms, by the engine's own count of this node; the best of three parts."""
    kind, _, rest = words.partition(" ")
    text = f"s microphone\nt system-audio\nx {kind} {rest}\nk null < x\nl null < t"
    if kind in LISTENED:
        text += f"\nm track < s\n{LISTENED[kind]}"
    graph = Workshop(_Ends(sound)).build(graph_of(text))
    until, best = 0, float("inf")
    for _ in range(3):
        before = _busy_ns(graph)
        for _ in range(blocks // 3):
            until += BLOCK
            graph.pull(until)
        best = min(best, (_busy_ns(graph) - before) / (blocks // 3) / 1e3)
    return best


def _busy_ns(graph: Any) -> int:
    return int(next(times.busy_ns for times in graph.times() if times.node == "x"))


def _raw(folder: Path, name: str, sound: Samples) -> Path:
    path = folder / f"{name}.f32"
    path.write_bytes(sound.tobytes())
    return path


def _ffmpeg_s(files: Sequence[Path], graph: str, seconds: float, rounds: int = 3) -> float:
    """Seconds of CPU that ffmpeg takes for so much of the same sound through a graph, on one thread; the best round."""
    raw = ["-stream_loop", "-1", "-f", "f32le", "-ar", str(RATE), "-ac", "2", "-t", str(seconds), "-i"]
    inputs = [word for path in files for word in (*raw, str(path))]
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-filter_complex_threads", "1", "-threads", "1", *inputs]
    command += ["-filter_complex", graph, "-f", "null", "-"]
    best = float("inf")
    for _ in range(rounds):
        before = psutil.Process().cpu_times()
        subprocess.run(command, check=True, timeout=600)
        after = psutil.Process().cpu_times()
        spent = after.children_user - before.children_user + after.children_system - before.children_system
        best = min(best, spent)
    return best


def _pedalboard_us(plugin: str, sound: Samples, blocks: int) -> float:
    """Microseconds a block of 10 ms in pedalboard."""
    import pedalboard  # type: ignore[import-not-found, import-untyped, unused-ignore] # noqa: PLC0415 - not always there

    settings: dict[str, dict[str, float]] = {
        "Gain": {"gain_db": -6.0},
        "Limiter": {"threshold_db": -1.0},
        "Compressor": {"threshold_db": -20.0, "ratio": 4.0, "attack_ms": 10.0, "release_ms": 100.0},
        "PeakFilter": {"cutoff_frequency_hz": 1000.0, "gain_db": -3.0},
        "NoiseGate": {"threshold_db": -50.0},
        "Resample": {"target_sample_rate": 16_000.0},
    }
    effect = getattr(pedalboard, plugin)(**settings[plugin])
    parts = [np.ascontiguousarray(sound[at : at + BLOCK].T) for at in range(0, BLOCK * 200, BLOCK)]
    for part in parts[:20]:
        effect.process(part, RATE, reset=False)
    count = blocks // 3
    began = time.thread_time()
    for part in itertools.islice(itertools.cycle(parts), count):
        effect.process(part, RATE, reset=False)
    return (time.thread_time() - began) / count * 1e6


def live_row(desk: VirtualDesk, installation: Installation, seconds: float) -> Row:
    """CPU of the audio worker that records a microphone and the computer's sound, both with something to hear."""
    players = [Player(desk, "speakers", 1000.0), Player(desk, "mic_sink", 440.0)]
    installation.ok("start", "--display", "none", "--mic", "virtual_mic", "--system-audio", "speakers.monitor")
    time.sleep(5)  # opening the devices is no part of it
    process = psutil.Process(installation.active("audio"))
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    cores = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    installation.ok("stop")
    for player in players:
        player.kill()
    work = "sound: the live worker, microphone and computer, three tracks"
    return Row(work, f"{100 * cores:.2f} % of a core", "", 100 * cores, LIVE_CPU_MAX, "%")
