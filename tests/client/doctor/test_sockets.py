"""Sockets that a dead daemon left are told from those in use, without disturbing anybody."""

import socket
from pathlib import Path

from reeld_client import Client
from reeld_client.doctor import sockets
from reeld_proto.doctor import CheckStatus
from tests.client.fake_reeld import Server


def test_none_are_in_order(runtime: Path) -> None:
    found = sockets.check(runtime)
    assert [finding.status for finding in found] == [CheckStatus.OK]
    assert sockets.check(runtime / "gone") == found


def test_one_that_nobody_listens_on_is_named_and_stays(runtime: Path, no_leaks: None) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(runtime / "control.sock"))
    (runtime / "note.sock").write_text("no socket")
    found = sockets.check(runtime)
    assert found[0].status is CheckStatus.WARNING
    assert "control.sock" in found[0].detail
    assert "note" not in found[0].detail
    assert (runtime / "control.sock").exists()


def test_those_of_a_daemon_are_in_use_and_it_answers_afterwards(server: Server, runtime: Path) -> None:
    stale, alive = sockets.gather(runtime)
    assert stale == []
    assert alive >= 2
    with Client(runtime) as client:
        assert client.ping() >= 0


def test_a_folder_whose_path_is_too_long_is_a_fault_before_a_daemon_fails_there(tmp_path: Path) -> None:
    found = sockets.check(tmp_path / ("x" * 120))
    assert found[0].status is CheckStatus.FAULT
    assert "too long" in found[0].detail
    assert found[0].remedy
