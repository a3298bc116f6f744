"""Which release is installed. Harm guarded against: a tool that fails in a tree that nobody installed."""

from importlib.metadata import PackageNotFoundError

import pytest

from reeld_client import release


def test_the_distribution_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "version", lambda name: f"{name} 7")
    assert release.installed_release() == "reeld 7"


def test_a_tree_that_nobody_installed_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(release, "version", missing)
    assert release.installed_release() == "unknown"
