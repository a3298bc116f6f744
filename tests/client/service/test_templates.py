"""Finding the templates. Harm guarded against: a wheel from which nothing can be installed."""

import tomllib
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from reeld_client.service import templates
from reeld_proto.errors import ErrorCode, RequestRejected

ROOT = Path(__file__).parents[3]


def located(monkeypatch: pytest.MonkeyPatch, package: Path) -> None:
    spec = ModuleSpec("reeld", None, is_package=True)
    spec.submodule_search_locations = [str(package)]
    monkeypatch.setattr(templates, "find_spec", lambda _: spec)


@pytest.mark.parametrize("name", [templates.UNIT, templates.AGENT])
def test_the_tree_it_is_developed_in_has_them(name: str) -> None:
    assert templates.read_template(name) == (ROOT / name).read_bytes()


@pytest.mark.parametrize("name", [templates.UNIT, templates.AGENT])
def test_the_wheel_has_them_where_they_are_looked_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    folder, file = name.split("/")
    path = tmp_path / built["force-include"][folder] / file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"installed")
    located(monkeypatch, tmp_path / "reeld")
    assert templates.read_template(name) == b"installed"


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    located(monkeypatch, tmp_path / "daemon" / "reeld")
    with pytest.raises(RequestRejected, match=r"reeld\.service") as caught:
        templates.read_template(templates.UNIT)
    assert caught.value.code == ErrorCode.NOT_FOUND
