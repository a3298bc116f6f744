"""Settings. Harm guarded against: a misspelt key that is silently ignored, so that a person believes in a limit that
does not hold."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, default_config_path, load_config, parse_config
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Quality


def test_an_empty_file_means_all_defaults() -> None:
    config = parse_config("")
    assert config == Config()
    assert config.store.reserve_bytes == 100_000_000
    assert config.record.fps == 30


def test_keys_are_read_with_their_types() -> None:
    config = parse_config('[store]\nreserve_bytes = 5\n[record]\nfps = 12\nquality = "high"\n')
    assert (config.store.reserve_bytes, config.record.fps, config.record.quality) == (5, 12, Quality.HIGH)


def test_a_misspelt_key_is_refused_and_the_nearest_known_one_named() -> None:
    with pytest.raises(RequestRejected, match=r"store\.reserve_byte;.*store\.reserve_bytes") as caught:
        parse_config("[store]\nreserve_byte = 5\n", origin="here.toml")
    assert "here.toml" in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_unknown_key_is_named_at_once() -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config("[stor]\nx = 1\n[record]\nfsp = 3\n")
    assert len(caught.value.faults) == 2
    assert "store" in caught.value.faults[0]
    assert "record.fps" in caught.value.faults[1]


@pytest.mark.parametrize(
    "text",
    [
        "[store]\nreserve_bytes = -1\n",
        "[store]\nreserve_bytes = 'much'\n",
        "[record]\nfps = 0\n",
        "[record]\nfps = 61\n",
        "[record]\nquality = 'best'\n",
        "store = 3\n",
        "not toml",
    ],
)
def test_wrong_values_are_refused_before_anything_runs(text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config(text)
    assert caught.value.code == ErrorCode.INVALID_REQUEST


@given(st.text())
def test_any_text_is_a_config_or_a_clean_refusal(text: str) -> None:
    with contextlib.suppress(RequestRejected):
        parse_config(text)


def test_a_missing_default_file_is_fine_but_a_named_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_config(None) == Config()
    with pytest.raises(RequestRejected) as caught:
        load_config(tmp_path / "gone.toml")
    assert caught.value.code == ErrorCode.NOT_FOUND
    monkeypatch.setenv("REELD_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(RequestRejected):
        load_config(None)


def test_the_default_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    default_config_path().parent.mkdir()
    default_config_path().write_text("[record]\nfps = 24\n")
    assert load_config(None).record.fps == 24


def test_bytes_that_are_not_text_and_folders_are_refused_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RequestRejected, match="UTF-8"):
        load_config(path)
    with pytest.raises(RequestRejected) as caught:
        load_config(tmp_path)
    assert caught.value.code == ErrorCode.PERMISSION


def test_home_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REELD_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_config_path() == tmp_path / ".config" / "reeld" / "config.toml"
