"""Python, reeld and the packages it needs: whether they are there, and new enough."""

import re
import sys
from dataclasses import dataclass
from importlib import metadata

from reeld import __version__
from reeld_proto.doctor import Finding, fault, fine, warning

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9.]+)\s*(?:;\s*(.*))?")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")
_SYSTEM = re.compile(r"sys_platform == ['\"]([^'\"]+)['\"]")
EXTRA = "daemon"


@dataclass(frozen=True)
class Library:
    """A package that the daemon needs. installed: its version, None if it is not there. least: the oldest to do."""

    name: str
    least: str
    installed: str | None


def required(requirements: list[str], platform: str) -> dict[str, str]:
    """Names of the packages that the client and the extra `daemon` need on `platform`, with their oldest versions."""
    found = {}
    for text in requirements:
        parts = _REQUIREMENT.fullmatch(text.strip())
        if parts is None:
            continue
        condition = parts[3] or ""
        extra, system = _EXTRA.search(condition), _SYSTEM.search(condition)
        if (extra is None or extra[1] == EXTRA) and (system is None or system[1] == platform):
            found[parts[1]] = parts[2]
    return found


def numbers(version: str) -> tuple[int, ...]:
    """`12.3.0.post1` as (12, 3, 0): what two versions are compared by."""
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


def judge(python: str, release: str, libraries: list[Library]) -> list[Finding]:
    """One line for what runs, one for the packages."""
    found = [fine("reeld", f"{release} on Python {python}")]
    missing = [each.name for each in libraries if each.installed is None]
    old = [
        f"{each.name} {each.installed} (at least {each.least})"
        for each in libraries
        if each.installed is not None and numbers(each.installed) < numbers(each.least)
    ]
    remedy = f"Install them: pip install --upgrade 'reeld[{EXTRA}]'"
    if missing:
        return [*found, fault("packages", f"missing: {', '.join([*missing, *old])}", remedy)]
    if old:
        return [*found, warning("packages", f"too old: {', '.join(old)}", remedy)]
    return [*found, fine("packages", ", ".join(f"{each.name} {each.installed}" for each in libraries))]


def gather(platform: str = sys.platform) -> list[Library]:
    """What the installed reeld asks for, and what there is of it."""
    wanted = required(metadata.requires("reeld") or [], platform)
    return [Library(name, least, _installed(name)) for name, least in wanted.items()]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check() -> list[Finding]:
    """The findings about versions."""
    return judge(sys.version.split()[0], __version__, gather())
