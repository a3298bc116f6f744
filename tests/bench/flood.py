"""Fifty clients that send junk while a screen is recorded: `python -m tests.bench.flood --messages 1000000`.

A well-behaved client asks for the status 100 times a second meanwhile. Prints what was seen; 1 if a bar is missed.
The attackers run at a lower priority, since they share two cores with what they attack; `--fierce` lets them have the
same. `--subscribers 200` adds as many who listen to the counters, a tenth of them frozen, and judges these instead of
the latency: what they need of two cores is seen in it.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import zmq

from reeld_client import Client
from reeld_proto.endpoints import Endpoints
from tests.bench import flooding, measure, scenes
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until

CLIENTS = 50
PROCESSES = 2
FROZEN_SHARE = 0.1
CORPUS = 4000
P99_MS_MAX = 5.0
STATS_GAP_S_MAX = 0.75
"""They come twice a second."""
ASK_EVERY_S = 0.01
LOOK_EVERY_S = 0.5
GROWTH_BYTES_MAX = 30e6
"""For HWM and buckets of the clients that came; what comes after the first tenth of the flood must fit into it."""
_CONTEXT = multiprocessing.get_context("spawn")


@dataclass
class Seen:
    """What was measured. latencies_ms: of the well-behaved client. stats_gap_s: longest silence of a subscriber, if
    there were any."""

    sent: int
    seconds: float
    latencies_ms: list[float]
    memory: list[int]
    files: list[int]
    stats_gap_s: float | None
    stopped: dict[str, Any]
    verified: bool
    same_daemon: bool

    def percentile(self, share: float) -> float:
        """Of the latencies."""
        return sorted(self.latencies_ms)[min(len(self.latencies_ms) - 1, int(len(self.latencies_ms) * share))]

    def faults(self, p99_ms_max: float = P99_MS_MAX, dropped_max: int = 0) -> list[str]:
        """What does not hold."""
        track = self.stopped["tracks"][0]
        checks = {
            "the daemon or a worker was replaced": self.same_daemon,
            f"{track['dropped']} frames dropped": track["dropped"] <= dropped_max,
            f"gaps {self.stopped['gaps']}": not self.stopped["gaps"],
            "verify found faults": self.verified,
            f"p99 {self.percentile(0.99):.2f} ms": self.stats_gap_s is not None or self.percentile(0.99) <= p99_ms_max,
            f"memory grew by {(self.memory[-1] - self.memory[1]) / 1e6:.1f} MB": self.memory[-1] - self.memory[1]
            <= GROWTH_BYTES_MAX,
            f"files grew from {self.files[1]} to {self.files[-1]}": self.files[-1] <= self.files[1] + 2,
            f"a subscriber heard nothing for {self.stats_gap_s or 0:.2f} s": (self.stats_gap_s or 0) <= STATS_GAP_S_MAX,
        }
        return [words for words, holds in checks.items() if not holds]


def attack(runtime: str, messages: int, clients: int, seed: int, nice: int, pace: float, done: Any) -> None:
    """One process of attackers; tells how many messages it sent. pace: messages a second at most, 0 for no limit."""
    os.nice(nice)
    endpoints = Endpoints(Path(runtime))
    corpus, topics = flooding.corpus(CORPUS, seed), flooding.topics(CORPUS, seed)
    with zmq.Context[zmq.Socket[bytes]]() as context:
        dealers = [context.socket(zmq.DEALER) for _ in range(clients)]
        listener = context.socket(zmq.SUB)
        for socket, address in ((listener, endpoints.events), *((each, endpoints.control) for each in dealers)):
            socket.setsockopt(zmq.LINGER, 0)
            socket.connect(address)
        sent = turn = 0
        began = time.monotonic()
        while sent < messages:
            turn += 1
            if pace:
                time.sleep(max(0.0, began + sent / pace - time.monotonic()))
            for number, dealer in enumerate(dealers):
                frames = corpus[(turn * 31 + number * 97) % CORPUS]
                try:
                    dealer.send_multipart(frames, zmq.NOBLOCK)
                    sent += 1
                except zmq.Again:
                    pass
                while dealer.poll(0):
                    dealer.recv_multipart(zmq.NOBLOCK)
            listener.setsockopt(zmq.SUBSCRIBE, topics[turn % CORPUS])
            listener.setsockopt(zmq.UNSUBSCRIBE, topics[(turn - 5) % CORPUS])
            sent += 2
        for socket in (listener, *dealers):
            socket.close(linger=0)
    done.put(sent)


def ask(runtime: str, begin: Any, end: Any, found: Any) -> None:
    """The well-behaved client."""
    took = []
    with Client(runtime) as client:
        client.status()
        begin.set()
        while not end.is_set():
            begun = time.perf_counter()
            client.status()
            took.append((time.perf_counter() - begun) * 1000)
            time.sleep(max(0.0, ASK_EVERY_S - (time.perf_counter() - begun)))
    found.put(took)


def listen(runtime: str, subscribers: int, begin: Any, end: Any, found: Any) -> None:
    """Subscribers of the counters; tells the longest time that one of them heard nothing."""
    with zmq.Context[zmq.Socket[bytes]]() as context:
        poller = zmq.Poller()
        heard = {}
        for _ in range(subscribers):
            socket = context.socket(zmq.SUB)
            socket.setsockopt(zmq.SUBSCRIBE, b"stats")
            socket.connect(Endpoints(Path(runtime)).events)
            poller.register(socket, zmq.POLLIN)
            heard[socket] = 0.0
        begin.set()
        longest, began = 0.0, time.monotonic()
        while not end.is_set():
            for socket, _ in poller.poll(100):
                socket.recv_multipart()
                now = time.monotonic()
                longest = max(longest, now - (heard[socket] or now))
                heard[socket] = now
        now = time.monotonic()
        longest = max([longest, *(now - (last or began) for last in heard.values())])
        for socket in heard:
            socket.close(linger=0)
    found.put(longest)


def run(messages: int, *, nice: int = 10, pace: float = 0.0, subscribers: int = 0) -> Seen:
    """Record, flood, look. pace: messages a second of all attackers together, 0 for as many as they can."""
    with VirtualDesk(sound=True) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        desk.spawn(*scenes.TERMINAL)
        installation.ok("start", "--display", "LEFT", "--mic", "none", "--system-audio", "speakers.monitor")
        time.sleep(2)  # encoders and standbys are warm before memory is looked at
        before = installation.worker_pids()
        helpers = _Helpers(str(installation.runtime), subscribers)
        attackers, done = _attackers(str(installation.runtime), messages, nice, pace)
        began = time.monotonic()
        memory, files = [], []
        processes = [psutil.Process(pid) for pid in measure.pids_of(installation)]
        daemon = psutil.Process(installation.ask(Client.status).daemon.pid)
        while any(each.is_alive() for each in attackers):
            # Resident, not shared out: that would hold up every process that is looked at, and be seen in the latency.
            memory.append(sum(process.memory_info().rss for process in processes))
            files.append(daemon.num_fds())
            attackers[0].join(LOOK_EVERY_S)
        sent = sum(done.get(timeout=30) for _ in attackers)
        seconds = time.monotonic() - began
        # Connections that end are closed by ZeroMQ's own thread a little later.
        until(lambda: daemon.num_fds() <= files[0], 10, what="the attackers' connections closed")
        files.append(daemon.num_fds())
        memory.append(sum(process.memory_info().rss for process in processes))
        latencies, gap = helpers.results()
        same = installation.worker_pids() == before
        stopped = installation.ok("stop")
        verified = installation.ok("verify", stopped["session"])["ok"]
        return Seen(sent, seconds, latencies, memory, files, gap, stopped, verified, same)


def _attackers(runtime: str, messages: int, nice: int, pace: float) -> tuple[list[Any], Any]:
    done = _CONTEXT.Queue()
    share, clients = messages // PROCESSES, CLIENTS // PROCESSES
    found = [
        _CONTEXT.Process(target=attack, args=(runtime, share, clients, seed, nice, pace / PROCESSES, done))
        for seed in range(PROCESSES)
    ]
    for each in found:
        each.start()
    return found, done


class _Helpers:
    """Whoever behaves: one client that asks, subscribers that listen, and some that are frozen while they do."""

    def __init__(self, runtime: str, subscribers: int) -> None:
        self._end = _CONTEXT.Event()
        self._latencies, self._gaps, self._late = _CONTEXT.Queue(), _CONTEXT.Queue(), _CONTEXT.Queue()
        self._processes = [self._started(ask, (runtime,), self._latencies)]
        self._frozen: Any = None
        if subscribers:
            frozen = round(FROZEN_SHARE * subscribers)
            self._processes.append(self._started(listen, (runtime, subscribers - frozen), self._gaps))
            self._frozen = self._started(listen, (runtime, frozen), self._late)
            os.kill(self._frozen.pid, signal.SIGSTOP)

    def _started(self, work: Any, words: Sequence[Any], found: Any) -> Any:
        begin = _CONTEXT.Event()
        process = _CONTEXT.Process(target=work, args=(*words, begin, self._end, found))
        process.start()
        if not begin.wait(30):
            raise AssertionError(f"{work.__name__} did not begin")
        return process

    def results(self) -> tuple[list[float], float | None]:
        """Latencies in ms, and the longest silence in seconds."""
        self._end.set()
        latencies, gap = self._latencies.get(timeout=30), None
        if self._frozen is not None:
            os.kill(self._frozen.pid, signal.SIGCONT)
            self._late.get(timeout=30)
            gap = self._gaps.get(timeout=30)
            self._processes.append(self._frozen)
        for process in self._processes:
            process.join(30)
        return latencies, gap


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="flood")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--fierce", action="store_true", help="attackers at the same priority as all others")
    parser.add_argument("--pace", type=float, default=0.0, help="messages a second, 0 for as many as they can")
    parser.add_argument("--subscribers", type=int, default=0, help="who listen meanwhile, a tenth of them frozen")
    options = parser.parse_args()
    nice = 0 if options.fierce else 10
    seen = run(options.messages, nice=nice, pace=options.pace, subscribers=options.subscribers)
    track = seen.stopped["tracks"][0]
    pace = seen.sent / seen.seconds
    sys.stdout.write(
        f"{seen.sent} messages from {CLIENTS} clients in {seen.seconds:.1f} s ({pace:.0f} a second);"
        f" status p50 {seen.percentile(0.5):.2f}, p99 {seen.percentile(0.99):.2f}, most {max(seen.latencies_ms):.1f} ms"
        f" of {len(seen.latencies_ms)}; {track['frames']} frames, {track['dropped']} dropped; memory"
        f" {seen.memory[1] / 1e6:.1f} to {seen.memory[-1] / 1e6:.1f} MB, {seen.files[-1]} files"
        + ("" if seen.stats_gap_s is None else f"; subscribers heard nothing for {seen.stats_gap_s:.2f} s at most")
        + "\n"
    )
    for fault in seen.faults():
        sys.stdout.write(f"MISSED: {fault}\n")
    return int(bool(seen.faults()))


if __name__ == "__main__":
    sys.exit(main())
