"""Connection files. Harm guarded against: a secret that others can read; a damaged file told as a dead daemon."""

import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client import Client, ErrorCode, RequestRejected, TransportError
from reeld_client.aio import AsyncClient
from reeld_client.connection import Connection, connection_of, new_keys, read_connection, write_connection
from reeld_proto.access import Remote

KEYS = new_keys()
REMOTE = Remote(control="tcp://127.0.0.1:1", events="tcp://127.0.0.1:2", server_key=new_keys()[0])
CONNECTION = connection_of(REMOTE, KEYS)


def test_a_file_is_for_its_owner_alone_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    write_connection(path, CONNECTION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_connection(path) == CONNECTION


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    path.write_text("precious")
    with pytest.raises(RequestRejected, match="already"):
        write_connection(path, CONNECTION)
    assert path.read_text() == "precious"
    with pytest.raises(RequestRejected, match="cannot write"):
        write_connection(tmp_path / "no" / "phone.json", CONNECTION)


def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    write_connection(path, CONNECTION)
    path.chmod(0o640)
    with pytest.raises(RequestRejected, match="other users") as caught:
        Client(connection=path).status()
    assert caught.value.code is ErrorCode.PERMISSION
    assert caught.value.remedy.startswith(f"chmod 600 {path}")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "nope", ErrorCode.NOT_FOUND), (tmp_path, ErrorCode.PERMISSION)):
        with pytest.raises(RequestRejected) as caught:
            AsyncClient(connection=path)
        assert caught.value.code is code


def test_a_port_where_nobody_listens_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "phone.json"
    write_connection(path, CONNECTION)
    monkeypatch.setenv("REELD_CONNECTION", str(path))
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:1") as caught, Client() as client:
        client.status()
    assert caught.value.code is ErrorCode.NO_DAEMON


def test_a_runtime_that_is_named_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELD_CONNECTION", str(tmp_path / "nope"))
    with pytest.raises(TransportError, match="no daemon is running"), Client(tmp_path) as client:
        client.status()


@pytest.mark.parametrize(
    "change",
    [
        {"control": "tcp://10.0.0.1:1"},
        {"control": "ipc:///tmp/x"},
        {"events": "tcp://127.0.0.1"},
        {"server_key": ""},
        {"secret_key": "short"},
        {"public_key": "§" * 40},
        {"more": 1},
    ],
)
def test_a_file_that_leads_elsewhere_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "phone.json"
    path.write_bytes(msgspec.json.encode({**msgspec.to_builtins(CONNECTION), **change}))
    path.chmod(0o600)
    with pytest.raises(RequestRejected, match="no connection file"):
        read_connection(path)


@given(data=st.binary(max_size=200))
def test_any_other_bytes_are_refused_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("x") / "file"
    path.touch(0o600)
    path.write_bytes(data)
    with pytest.raises(RequestRejected):
        read_connection(path)


def test_every_field_is_needed() -> None:
    assert set(Connection.__struct_fields__) == {"control", "events", "server_key", "public_key", "secret_key"}
    assert all(field.required for field in msgspec.structs.fields(Connection))
