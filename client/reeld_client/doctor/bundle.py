"""A file to send to somebody who is to help: findings, versions, settings and logs, without content.

DESIGN: what may be in it is listed, not what may not. Of a log line only texts under `_TEXTS` are kept, and numbers;
every other text (titles, devices, rules, paths, reasons) becomes its length. Of a traceback the places are kept, never
the message.
"""

import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from reeld_client.doctor import incidents
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_client.release import installed_release
from reeld_client.service.launchd import Launchd
from reeld_client.service.systemd import UNIT
from reeld_proto.codec import to_plain
from reeld_proto.doctor import CheckStatus

LOG_LINES_MAX = 5000
LOG_LIMIT_S = 3.0
_TEXTS = frozenset({"event", "level", "timestamp", "worker", "code", "codec", "encoder", "format", "state", "status"})
_WORD = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
"""A code, a name of ours, a date: never a sentence."""
_TRACES = frozenset({"exception", "stack"})
_PLACE = re.compile(r'\s*File "(?:.*/)?([A-Za-z0-9_]+\.py)", line (\d+), in ([A-Za-z0-9_<>]+)')
_LAST = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)(?::|$)")


def write_bundle(path: Path, diagnosis: Diagnosis, config: dict[str, Any] | None, store: Path) -> None:
    """Write the file, readable by this user alone. Raises OSError."""
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            documents = {**_documents(diagnosis, config), "incidents.json": incidents.discreet(incidents.read(store))}
            for name, plain in documents.items():
                archive.writestr(name, msgspec.json.format(msgspec.json.encode(plain), indent=2))
            archive.writestr("log.jsonl", "".join(f"{line}\n" for line in discreet_log(journal())))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _documents(diagnosis: Diagnosis, config: dict[str, Any] | None) -> dict[str, Any]:
    about = {
        "reeld": installed_release(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    found = to_plain(diagnosis)
    del found["bundle"]
    for finding in found["findings"]:
        # What is wrong with settings is told with what a person wrote there, names of privacy rules among it.
        if finding["check"] == "config" and finding["status"] != CheckStatus.OK:
            finding["detail"] = _length(finding["detail"])
    documents = {"about.json": about, "doctor.json": _without_home(found)}
    if config is not None:
        documents["config.json"] = _without_home(config)
    return documents


def _without_home(value: Any) -> Any:
    """Texts in which the home folder, and with it the person's name, is `~`."""
    if isinstance(value, dict):
        return {key: _without_home(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_home(each) for each in value]
    return value.replace(str(Path.home()), "~") if isinstance(value, str) and str(Path.home()) != "/" else value


def journal() -> list[str]:
    """The service's last log lines; empty where nobody kept any."""
    if sys.platform == "darwin":
        return last_lines(Launchd().log)
    command = ["journalctl", "--user", "-u", UNIT, "-o", "cat", "-q", "--no-pager", "-n", str(LOG_LINES_MAX)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LOG_LIMIT_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


def last_lines(path: Path) -> list[str]:
    """The end of a log file; empty if it is not there."""
    try:
        with path.open(errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=LOG_LINES_MAX)]
    except OSError:
        return []


def discreet_log(lines: Iterable[str]) -> list[str]:
    """Log lines without content; those that are no log of ours are only counted, at the end."""
    kept, others = [], 0
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            kept.append(json.dumps({_key(key): _value(key, each) for key, each in event.items()}))
        else:
            others += 1
    return [*kept, json.dumps({"other_lines": others})] if others else kept


def _key(key: str) -> str:
    return key if _WORD.fullmatch(key) else _length(key)


def _value(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if not isinstance(value, str):
        return f"<{len(value)} items>"
    if key in _TRACES:
        return _places(value)
    return value if key in _TEXTS and _WORD.fullmatch(value) else _length(value)


def _length(text: str) -> str:
    return f"<{len(text)} characters>"


def _places(trace: str) -> list[str]:
    """Where a traceback leads through, and which class was raised."""
    lines = trace.splitlines()
    places = [f"{found[1]}:{found[2]} {found[3]}" for line in lines if (found := _PLACE.match(line))]
    last = _LAST.match(lines[-1]) if lines else None
    return [*places, last[1]] if last and places else places
