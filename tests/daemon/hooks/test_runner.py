"""Hooks beside the daemon. Harm guarded against: a hook that delays a recording, or a storm of them."""

import asyncio
import json
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from reeld.hooks import runner
from reeld.hooks.runner import HookRunner
from reeld.hooks.settings import HooksConfig
from reeld_proto.events import Event, MarkerAdded, SessionStateChanged
from reeld_proto.records import SessionState as S

ACTIVE = SessionStateChanged(session="s1", name="Monday", state=S.ACTIVE, elapsed_s=0.0)


def script(tmp_path: Path, code: str) -> list[str]:
    return ["/bin/sh", "-c", code.format(here=tmp_path)]


def logged(work: Coroutine[Any, Any, None]) -> list[Any]:
    with capture_logs() as logs:
        asyncio.run(work)
    return list(logs)


def test_a_hook_is_run_with_what_happened(tmp_path: Path) -> None:
    async def work() -> None:
        command = script(tmp_path, 'cat > {here}/doc; echo "$REELD_EVENT $REELD_NAME $REELD_RUNTIME_DIR" > {here}/env')
        hooks = HookRunner(HooksConfig(on_start=command), tmp_path)
        hooks.heard(ACTIVE)
        await hooks.close()

    (entry,) = logged(work())
    assert (entry["event"], entry["hook"], entry["status"]) == ("hook.finished", "start", 0)
    assert (tmp_path / "env").read_text() == f"start Monday {tmp_path}\n"
    assert json.loads((tmp_path / "doc").read_text())["session"] == "s1"


def test_a_failing_hook_is_a_line_in_the_log(tmp_path: Path) -> None:
    async def work() -> None:
        hooks = HookRunner(HooksConfig(on_start=["/nowhere"], on_pause=["/bin/false"]), tmp_path)
        hooks.heard(ACTIVE)
        hooks.heard(SessionStateChanged(session="s1", name="", state=S.PAUSED, elapsed_s=0.0))
        await hooks.close()

    entries = logged(work())
    assert {entry["hook"]: (entry["event"], entry["status"]) for entry in entries} == {
        "start": ("hook.failed", None),
        "pause": ("hook.failed", 1),
    }


def test_nothing_waits_for_a_hook_and_the_end_kills_it(tmp_path: Path) -> None:
    async def work() -> None:
        hooks = HookRunner(HooksConfig(on_start=["/bin/sleep", "60"]), tmp_path)
        begun = time.monotonic()
        hooks.heard(ACTIVE)
        assert time.monotonic() - begun < 0.05
        await hooks.close(wait_s=0.1)
        assert time.monotonic() - begun < 5

    (entry,) = logged(work())
    assert (entry["event"], entry["status"], entry["timed_out"]) == ("hook.failed", -9, True)


def test_one_that_takes_too_long_is_killed_while_the_daemon_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        hooks = HookRunner(HooksConfig(on_start=["/bin/sleep", "60"]), tmp_path, limit_s=0.2)
        hooks.heard(ACTIVE)
        await hooks.close(wait_s=20)

    (entry,) = logged(work())
    assert entry["timed_out"]
    assert entry["took_s"] < 5


def test_only_so_many_run_at_once_and_a_storm_is_dropped(tmp_path: Path) -> None:
    async def work() -> None:
        steps = ("mkdir -p {here}/now", ": > {here}/now/$$", "ls {here}/now | wc -l", "sleep 0.05", "rm {here}/now/$$")
        command = script(tmp_path, "; ".join(steps))
        hooks = HookRunner(HooksConfig(on_marker=command), tmp_path)
        for number in range(runner.WAITING_MAX + 5):
            hooks.heard(MarkerAdded(session="s1", at_s=number, text=""))
        await hooks.close(wait_s=30)

    entries = logged(work())
    ran = [int(entry["output"]) for entry in entries if entry["event"] == "hook.finished"]
    assert len(ran) == runner.WAITING_MAX
    assert 1 < max(ran) <= runner.RUNNING_MAX
    assert sum(entry["event"] == "hook.dropped" for entry in entries) == 5


def test_other_hooks_hold_after_the_config_was_read_again(tmp_path: Path) -> None:
    async def work() -> None:
        hooks = HookRunner(HooksConfig(), tmp_path)
        hooks.heard(ACTIVE)
        hooks.reconfigure(HooksConfig(on_stop=["/bin/true"]))
        hooks.heard(SessionStateChanged(session="s1", name="", state=S.COMPLETED, elapsed_s=0.0))
        await hooks.close()

    assert [entry["hook"] for entry in logged(work())] == ["stop"]


def test_after_the_end_nothing_more_is_run(tmp_path: Path) -> None:
    async def work() -> None:
        hooks = HookRunner(HooksConfig(on_start=["/bin/true"]), tmp_path)
        await hooks.close()
        event: Event = ACTIVE
        hooks.heard(event)
        await asyncio.sleep(0)

    assert logged(work()) == []
