"""Faults at the edges of a store in use. Each gives a clear error, and what it did not touch is still served."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from reeld.store.environment import StoreEnvironment
from reeld.store.records import StoreMeta
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.commands import ErrorReply
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.workers import Done, ShutDown, Trouble
from tests.daemon.store import damage
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store
from tests.daemon.store.harness import Bench, bench
from tests.daemon.store.test_pruning import deadly
from tests.support.wait import until

ENV = {**os.environ, "PYTHONPATH": ":".join(sys.path)}

STEPS = [
    "before the transaction",
    "after the bytes of the chunk",
    "after the first record",
    "after the last record",
    "before the commit",
    "after the commit",
]

DYING_WRITER = """
import os, signal, sys
from pathlib import Path
import lmdb
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table, Transaction
from tests.daemon.store.builders import NS, chunk, gap, land

folder, step = Path(sys.argv[1]), sys.argv[2]
store = StoreEnvironment.open_write(folder)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

put, write = Transaction.put, store.write
puts = 0

def counting(self, table, key, value):
    global puts
    put(self, table, key, value)
    puts += 1
    if step == "after the bytes of the chunk" and table is Table.CHUNKS: die()
    if step == "after the first record" and table is Table.TIMELINE: die()
    if step == "after the last record" and table is Table.SESSIONS: die()

Transaction.put = counting
if step == "before the transaction": die()
if step == "before the commit":
    from reeld.store.ingest import Batch
    with store.write() as txn:
        batch = Batch(txn)
        batch.land(chunk(NS, 2 * NS, b"second" * 9000))
        batch.finish()
        die()
land(store, chunk(NS, 2 * NS, b"second" * 9000))
die()
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_writer_killed_at_any_step_of_a_transaction_leaves_all_of_it_or_nothing(tmp_path: Path, step: str) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        land(store, chunk(0, NS, b"first" * 9000))
    command = [sys.executable, "-c", DYING_WRITER, str(tmp_path / "store"), step]
    done = subprocess.run(command, env=ENV, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with closing(StoreEnvironment.open_write(tmp_path / "store")) as store:
        assert verify(store, None).ok
        with store.read() as txn:
            assert txn.count(Table.TIMELINE) == (2 if step == "after the commit" else 1)
        land(store, chunk(NS, 2 * NS, b"second" * 9000))
        assert verify(store, None).ok


ENDLESS_READER = """
import sys, time
from pathlib import Path
from reeld.store.environment import StoreEnvironment
store = StoreEnvironment.open_read(Path(sys.argv[1]))
with store.read() as txn:
    print("reading", flush=True)
    sys.stdin.read()
"""


def test_a_reader_that_never_ends_makes_the_file_grow_and_nothing_else(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        command = [sys.executable, "-c", ENDLESS_READER, str(store.path)]
        with subprocess.Popen(command, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"reading\n"
            for number in range(30):
                land(store, chunk(number * NS, (number + 1) * NS, os.urandom(100_000)))
                with store.write() as txn:
                    txn.put(Table.META, b"scratch", os.urandom(500_000))
            assert str(reader.pid) in store.readers()
            grown = (store.path / "data.mdb").stat().st_size
            assert verify(store, None).ok
            reader.kill()
        store.forget_dead_readers()
        assert str(reader.pid) not in store.readers()
        for _ in range(30):
            with store.write() as txn:
                txn.put(Table.META, b"scratch", os.urandom(500_000))
        assert (store.path / "data.mdb").stat().st_size <= grown * 1.1, "freed pages are used again"


def test_a_full_map_is_told_as_such_and_nothing_is_lost(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()):
        pass
    with closing(StoreEnvironment.open_write(tmp_path / "store", map_bytes=1 << 20)) as store:
        landed = 0

        def fill() -> None:
            nonlocal landed
            for number in range(100):
                land(store, chunk(number * NS, (number + 1) * NS, os.urandom(50_000)))
                landed += 1

        with pytest.raises(RequestRejected) as caught:
            fill()
        assert caught.value.code is ErrorCode.DISK_FULL
        assert "address space" in caught.value.remedy
        assert 0 < landed < 30
        with store.read() as txn:
            assert txn.count(Table.TIMELINE) == landed
        assert verify(store, None).ok
    with closing(StoreEnvironment.open_write(tmp_path / "store")) as store:
        land(store, chunk(landed * NS, (landed + 1) * NS, os.urandom(50_000)))


FULL_DISK = """
import os, resource, signal, sys
from pathlib import Path
from reeld.store.environment import StoreEnvironment
from reeld_proto.errors import ReeldError
from tests.daemon.store.builders import NS, chunk, land
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = StoreEnvironment.open_write(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
for number in range(100):
    try:
        land(store, chunk(number * NS, (number + 1) * NS, os.urandom(50_000)))
    except ReeldError as error:
        print(error.code, number, flush=True)
        break
store.close()
"""


def test_a_file_that_may_not_grow_ends_the_write_cleanly(tmp_path: Path) -> None:
    with new_store(tmp_path / "store", creation()):
        pass
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "store")]
    done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    code, number = done.stdout.split()
    assert code in (ErrorCode.DISK_FULL, ErrorCode.DISK_FAILED)
    with closing(StoreEnvironment.open_write(tmp_path / "store")) as store:
        assert verify(store, None).ok
        with store.read() as txn:
            assert txn.count(Table.TIMELINE) == int(number) > 0
        land(store, chunk(int(number) * NS, (int(number) + 1) * NS, os.urandom(50_000)))


@pytest.mark.parametrize("meta", [StoreMeta(format=99, hash="sha256"), StoreMeta(format=2, hash="blake3")])
def test_a_store_of_a_newer_reeld_keeps_every_byte(tmp_path: Path, meta: StoreMeta) -> None:
    with new_store(tmp_path / "store", creation()) as store, store.write() as txn:
        txn.put_record(Table.META, b"store", meta)
    before = (tmp_path / "store" / "data.mdb").read_bytes()
    for opening in (StoreEnvironment.open_write, StoreEnvironment.open_read):
        with pytest.raises(RequestRejected) as caught:
            opening(tmp_path / "store")
        assert (caught.value.code, bool(caught.value.remedy)) == (ErrorCode.UNSUPPORTED_VERSION, True)
    assert (tmp_path / "store" / "data.mdb").read_bytes() == before


needs_user = pytest.mark.skipif(os.geteuid() != 0, reason="another user can only be played by root")

AS_SOMEBODY = """
import os, sys
from pathlib import Path
from reeld.store.environment import StoreEnvironment
from reeld_proto.errors import ReeldError
os.setgid(65534); os.setuid(65534)
try:
    getattr(StoreEnvironment, sys.argv[2])(Path(sys.argv[1]))
except ReeldError as error:
    print(error.code, "|", error, "|", error.remedy)
"""


@needs_user
@pytest.mark.parametrize("opening", ["open_write", "open_read"])
def test_a_folder_that_may_not_be_written_is_named_as_such(opening: str) -> None:
    # As root every folder may be written: this is another user.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        store = Path(folder) / "store"
        with new_store(store, creation()):
            pass
        store.chmod(0o555)
        for file in store.iterdir():
            file.chmod(0o444)
        command = [sys.executable, "-c", AS_SOMEBODY, str(store), opening]
        done = subprocess.run(command, env=ENV, capture_output=True, text=True, check=True)
        code, message, remedy = done.stdout.split(" | ")
        assert code == ErrorCode.PERMISSION
        assert str(store) in message
        assert remedy.strip()


def test_a_second_store_worker_is_refused_while_the_first_goes_on(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="rt-") as one,
        tempfile.TemporaryDirectory(prefix="rt-") as two,
        bench(Path(one), tmp_path / "store") as first,
        bench(Path(two), tmp_path / "store") as second,
    ):
        first.start()
        assert first.order(creation()) == Done()
        assert first.process is not None
        with pytest.raises(AssertionError) as caught:
            second.start()
        assert f"process {first.process.pid}" in str(caught.value)
        assert first.order(finish(NS)) == Done()
        assert not isinstance(first.order(creation("other")), ErrorReply)


def left(made: Bench) -> str:
    """Have the worker leave by itself; what it logged."""
    process = made.process
    assert process is not None
    assert made.order(ShutDown()) == Done()
    until(lambda: process.poll() is not None, 10)
    return made.end()


def test_a_store_worker_serves_what_is_left_of_a_file_that_was_cut_off(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    store = damage.store_of(tmp_path / "store", data[: len(data) * 9 // 10])
    with tempfile.TemporaryDirectory(prefix="rt-") as runtime, bench(Path(runtime), store) as made:
        made.start()
        assert made.wait_for(Trouble).code == ErrorCode.CORRUPT
        (finding,) = damage.read_everything([store])
        assert "open" in finding.served
        assert "store.cut_off" in left(made)


def test_a_store_worker_survives_a_page_that_ended_its_forerunners(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    store = damage.store_of(tmp_path / "store", data)
    deadly(store, data)
    (store / "in-use").write_bytes(b"1\n2\n")
    with tempfile.TemporaryDirectory(prefix="rt-") as runtime, bench(Path(runtime), store) as made:
        made.start()
        assert made.wait_for(Trouble).code == ErrorCode.CORRUPT
        assert made.order(creation(SESSION)) == Done()
        assert "store.page_damaged" in left(made)
    assert (store / "in-use").read_bytes().startswith(b"closed ")
