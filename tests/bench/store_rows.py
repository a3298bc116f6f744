"""The store's budgets: putting in, checking, collecting, recycling, and what producers feel of a stalled disk."""

import time
from contextlib import closing
from pathlib import Path

from reeld.store import gc, manifests, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld_proto.store_orders import CollectChunks, RemoveSession
from tests.bench import keeping, queue_stall, storing, turnover
from tests.bench.measure import percentile
from tests.bench.rows import Row
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land

PROPORTION = "x the time"
"""Ratios of this unit are of disks, which other work on a machine disturbs: no bar of the short mode."""


def rows(folder: Path, *, short: bool) -> list[Row]:
    """Every row; `folder` is on the disk that is measured."""
    return [
        *_ingest(folder / "storing", 100 if short else 600),
        _collect(folder / "garbage", 1_000 if short else 10_000),
        *_keep(folder / "kept", 600 if short else 3600),
        *_stall(0.5 if short else 5.0),
        *_turnover(folder / "turnover", quota_bytes=(30 if short else 300) * 10**6, turns=2 if short else 10),
    ]


def _ingest(folder: Path, chunks: int) -> list[Row]:
    folder.mkdir()
    timing = storing.ingest(folder, chunks)
    found = []
    for ours, others in (
        (storing.OURS, (storing.SQLITE, storing.FILES, storing.NAMED)),
        (storing.TOGETHER, (storing.SQLITE, storing.FILES)),
    ):
        ours_ms = timing.median_ms(ours)
        found += [
            Row(
                f"ingest of {chunks} x 200 KB, each durable ({ours})",
                f"{ours_ms:.2f} (best {timing.best_ms(ours):.2f}) ms",
                f"{peer} {timing.median_ms(peer):.2f} ({timing.best_ms(peer):.2f})",
                ours_ms / timing.median_ms(peer),
                1.0,
                PROPORTION,
            )
            for peer in others
        ]
    rate, peers = storing.verify_rates(folder)
    for peer, peer_rate in peers.items():
        work = "check of all bytes"
        found.append(
            Row(work, f"{rate / 1e6:.0f} MB/s", f"{peer} {peer_rate / 1e6:.0f}", peer_rate / rate, 1.0, PROPORTION)
        )
    return found


def _collect(folder: Path, count: int) -> Row:
    with closing(StoreEnvironment.open_write(folder)) as store:
        with store.write() as txn:
            sessions.create(txn, creation())
        for first in range(0, count, 250):
            made = (chunk(n * NS, (n + 1) * NS, storing.chunk_bytes(n)[:100_000]) for n in range(first, first + 250))
            land(store, *made)
        with store.write() as txn:
            sessions.finish(txn, finish(count * NS))
            manifests.remove(txn, RemoveSession(session=SESSION, reason="bench"), Circumstances(folder, ()))
        begun = time.perf_counter()
        complete = False
        while not complete:
            with store.write() as txn:
                complete = gc.collect(txn, CollectChunks()).complete
        seconds = time.perf_counter() - begun
    return Row(f"collect {count} chunks of garbage", f"{seconds:.2f} s", "", seconds, 2.0, "s")


def _keep(folder: Path, seconds: int) -> list[Row]:
    kept = keeping.keep(folder, seconds)
    work = f"replay save of {seconds // 60} minutes of five tracks, the store's part"
    answer = f"{kept.median_ms:.1f} ms (max {max(kept.answers_ms):.1f})"
    # Half of the bar: the cut before it may take the other half.
    return [
        Row(work, answer, "", kept.median_ms, 50, "ms"),
        Row("... filled in after the answer", f"{kept.whole_s:.2f} s", "", kept.whole_s, 5, "s"),
    ]


def _stall(seconds: float) -> list[Row]:
    return [
        Row(
            f"handing over a chunk while the {name} for {seconds:g} s, p99",
            f"{percentile(stall.sent_ms, 0.99):.3f} ms",
            f"{stall.lost} lost",
            percentile(stall.sent_ms, 0.99) if not stall.lost and not stall.doubled else float("inf"),
            1.0,
            "ms",
        )
        for name, stall in queue_stall.stalls(seconds).items()
    ]


def _turnover(folder: Path, *, quota_bytes: int, turns: int) -> list[Row]:
    done = turnover.run(folder, quota_bytes, turns)
    first, last = done[1], done[-1]
    commit_ms = max(turn.commit_p99_ms() for turn in done)
    share = max(turn.file_share for turn in done)
    work = f"a quota of {quota_bytes // 10**6} MB turned over {turns} times"
    return [
        Row(f"{work}: file", f"{share:.2f} x quota", "", share, 1.3, "x the quota"),
        Row("... commit p99 of the worst turn", f"{commit_ms:.1f} ms", "", commit_ms, 10, "ms"),
        Row(
            "... last turn",
            f"{last.seconds:.2f} s",
            f"first {first.seconds:.2f}",
            last.seconds / first.seconds,
            1.25,
            PROPORTION,
        ),
    ]
