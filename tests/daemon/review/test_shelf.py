"""Harm guarded against: a process that holds as much memory as the recordings that somebody looked through."""

import asyncio
from pathlib import Path

import pytest

from reeld.review import shelf as module
from reeld.review.shelf import Shelf
from reeld.store.reader import StoreReader
from reeld_proto.errors import RequestRejected
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store


def test_what_was_read_of_the_store_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with new_store(tmp_path / "store", creation()) as store:
        for at in range(24):
            land(store, chunk(at * NS, (at + 1) * NS, bytes([at]) * (1 << 20)))

    async def grown(shelf: Shelf) -> int:
        def read_all(reader: StoreReader, at: int) -> int:
            segment = reader.segment_before(SESSION, "video-1", at * NS)
            assert segment is not None
            return len(reader.chunk(segment.chunk))

        await shelf.read(lambda reader: read_all(reader, 0))
        before = module._file_bytes()
        for at in range(24):
            await shelf.read(lambda reader, at=at: read_all(reader, at))  # type: ignore[misc]
        after = module._file_bytes()
        await shelf.close()
        return after - before

    if not module._file_bytes():
        pytest.skip("this system does not tell")
    assert asyncio.run(grown(Shelf(tmp_path / "store"))) <= module.MAPPED_BYTES + (2 << 20)
    monkeypatch.setattr(module, "MAPPED_BYTES", 1 << 40)
    assert asyncio.run(grown(Shelf(tmp_path / "store"))) > 20 << 20, "which is what would stay"


def test_a_failure_of_the_work_is_its_own_and_the_shelf_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        shelf = Shelf(tmp_path / "store")
        with pytest.raises(RequestRejected, match="no store"):
            await shelf.chunk(b"0" * 32)
        with new_store(tmp_path / "store", creation()):
            pass
        with pytest.raises(RequestRejected, match="no recording holds"):
            await shelf.chunk(b"0" * 32)
        assert await shelf.read(lambda reader: reader.count()) == 1
        await shelf.close()

    asyncio.run(main())
