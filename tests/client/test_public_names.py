"""What other applications rely on: names, and that importing them costs next to nothing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reeld_client
from reeld_client import Client, MemoryTransport, Transport, ZmqTransport

PUBLIC = {
    "AsyncClient",
    "AsyncEventStream",
    "Client",
    "ErrorCode",
    "EventStream",
    "InternalError",
    "MemoryTransport",
    "ReeldError",
    "RequestRejected",
    "StoreCorrupt",
    "Subscription",
    "Transport",
    "TransportError",
    "ZmqTransport",
}
CLIENT = {
    "adjust_sound",
    "apply_budget",
    "arrange",
    "audit",
    "bundle",
    "call",
    "check_index",
    "clear_incidents",
    "clip",
    "close",
    "create_token",
    "delete",
    "describe",
    "edit",
    "edit_sound",
    "enrich",
    "enrichment",
    "events",
    "export",
    "features",
    "findings",
    "forget",
    "gc",
    "hello",
    "identify",
    "import_media",
    "incident",
    "incidents",
    "jobs",
    "list_sessions",
    "mark",
    "merge",
    "open_review",
    "pause",
    "ping",
    "plan_enrichment",
    "profiles",
    "redact",
    "reload_config",
    "repair",
    "resume",
    "revoke_token",
    "save_replay",
    "search",
    "sessions",
    "set_paused",
    "set_private",
    "show",
    "snapshot",
    "snapshots",
    "sound",
    "sources",
    "start",
    "stats",
    "status",
    "steer_enrichment",
    "steer_upkeep",
    "stop",
    "storage",
    "subscribe",
    "sync",
    "timeline",
    "tokens",
    "transcript",
    "trim",
    "upkeep",
    "verify",
    "wait_enrichment",
    "want_enrichment",
}


def test_public_names_are_these() -> None:
    """A name that goes away breaks somebody."""
    assert set(reeld_client.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(reeld_client, name).__doc__


def test_methods_of_the_client_are_these() -> None:
    assert {name for name in dir(Client) if not name.startswith("_")} == CLIENT


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Daemon"):
        _ = reeld_client.Daemon


def test_the_transports_are_transports() -> None:
    transports: list[Transport] = [MemoryTransport(lambda _data: []), ZmqTransport(Path("/run/x"))]
    assert len(transports) == 2


def python(code: str) -> str:
    path = [entry for entry in sys.path if entry]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("module", ["zmq", "typer", "rich", "asyncio", "numpy", "av", "lmdb", "reeld", "structlog"])
def test_importing_the_client_loads_nothing_heavy(module: str) -> None:
    """A tray or a script that only asks for the status starts at once."""
    loaded = python("import reeld_client; print(*sys.modules)").split()
    assert module not in loaded


@pytest.mark.parametrize("module", ["numpy", "av", "lmdb", "reeld", "structlog", "typer", "rich"])
def test_using_the_client_needs_nothing_of_the_daemon(module: str) -> None:
    loaded = python("from reeld_client import AsyncClient, ZmqTransport; print(*sys.modules)").split()
    assert module not in loaded


@pytest.mark.alone
def test_importing_the_client_takes_less_than_a_tenth_of_a_second() -> None:
    code = "import time; t = time.perf_counter(); import reeld_client; print(time.perf_counter() - t)"
    assert any(float(python(code)) < 0.1 for _ in range(20))  # a busy machine is slow most of the time


def test_every_method_says_what_it_does() -> None:
    undocumented: list[Any] = [name for name in CLIENT if not getattr(Client, name).__doc__]
    assert not undocumented
