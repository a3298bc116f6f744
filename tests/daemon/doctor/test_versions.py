"""Packages that are missing or too old are named before an import fails in the middle of a recording."""

import tomllib
from pathlib import Path

import pytest

from reeld.doctor.versions import Library, gather, judge, numbers, required
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses

NEW = Library("av", "15", "16.0.1")
OLD = Library("lmdb", "1.6", "1.5.9")
GONE = Library("soxr", "0.5", None)


@pytest.mark.parametrize(
    ("libraries", "status"), [([NEW], OK), ([NEW, OLD], WARNING), ([NEW, GONE], FAULT), ([OLD, GONE], FAULT)]
)
def test_what_is_missing_or_old_is_named(libraries: list[Library], status: object) -> None:
    found = judge("3.11.7", "0.1.0", libraries)
    assert statuses(found) == {"reeld": OK, "packages": status}
    for each in libraries:
        assert each.name in found[1].detail or each is NEW


def test_only_what_this_system_and_the_daemon_need_is_required() -> None:
    asked = [
        "pyzmq>=27",
        "av>=15; extra == 'daemon'",
        "xcffib>=1.8; sys_platform == 'linux' and extra == 'daemon'",
        "reeld[copies,daemon]; extra == 'dev'",
        "hypothesis>=6.120; extra == 'dev'",
        "junk!",
    ]
    assert required(asked, "linux") == {"pyzmq": "27", "av": "15", "xcffib": "1.8"}
    assert required(asked, "darwin") == {"pyzmq": "27", "av": "15"}


def test_every_requirement_of_the_project_is_understood() -> None:
    """Else a new one in another form would silently not be checked."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["daemon"]]
    assert len(required(asked, "linux")) == len(asked)


def test_versions_are_compared_as_numbers() -> None:
    assert numbers("4.10.0.84") > numbers("4.9")
    assert numbers("1.10rc1") == (1, 10)
    assert numbers("unknown") == ()


def test_the_packages_here_are_found() -> None:
    found = {each.name: each for each in gather("linux")}
    assert found["pyzmq"].installed is not None
