"""What `reelctl config` does with a file, as its process tells it."""

from pathlib import Path

import msgspec
import pytest

from reeld.config import Config, load_config
from reeld.settings.__main__ import main
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, SettingSource, ShownConfig


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "reeld" / "config.toml"
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return path


def run(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> tuple[int, bytes]:
    capfdbinary.readouterr()
    with pytest.raises(SystemExit) as left:
        main(words)
    assert isinstance(left.value.code, int)
    return left.value.code, capfdbinary.readouterr().out


def test_init_makes_a_file_of_defaults_and_replaces_none_unasked(
    capfdbinary: pytest.CaptureFixture[bytes], path: Path
) -> None:
    code, out = run(capfdbinary, "init")
    assert (code, msgspec.json.decode(out, type=MadeConfig)) == (0, MadeConfig(path=str(path), replaced=False))
    assert load_config(path) == Config()
    path.write_text("# mine\n")
    code, out = run(capfdbinary, "init")
    assert code == 4
    assert b"--force" in out
    assert path.read_text() == "# mine\n"
    code, out = run(capfdbinary, "init", "--force")
    assert (code, msgspec.json.decode(out, type=MadeConfig).replaced) == (0, True)
    assert "# mine" not in path.read_text()


def test_show_tells_where_each_setting_comes_from(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setenv("REELD_STORE", "/elsewhere")
    found = msgspec.json.decode(run(capfdbinary, "show")[1], type=ShownConfig)
    assert not found.exists
    path.parent.mkdir()
    path.write_text("[record]\nfps = 12\n")
    found = msgspec.json.decode(run(capfdbinary, "show")[1], type=ShownConfig)
    assert found.exists
    settings = {setting.key: (setting.value, setting.source) for setting in found.settings}
    assert settings["record.fps"] == (12, SettingSource.FILE)
    assert settings["record.quality"] == ("medium", SettingSource.DEFAULT)
    assert settings["folders.store"] == ("/elsewhere", SettingSource.ENVIRONMENT)
    assert settings["audio"] == (None, SettingSource.DEFAULT)


def test_check_tells_every_fault_at_once(capfdbinary: pytest.CaptureFixture[bytes], path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[stor]\nx = 1\n[record]\nfps = 99\nquality = 'x'\n[snapshots]\nmin_s = 5\nmax_s = 1\n")
    code, out = run(capfdbinary, "check")
    faults = msgspec.json.decode(out)["error"]["faults"]
    assert code == 2
    for word in ("stor", "record.fps", "record.quality", "snapshots: max_s"):
        assert any(word in fault for fault in faults), word
    assert len(faults) == 4
    path.write_text("[record]\nfps = 9\nquality = 'low'\n")
    code, out = run(capfdbinary, "check", "--config", str(path))
    assert msgspec.json.decode(out, type=CheckedConfig) == CheckedConfig(path=str(path), given=2)
    assert run(capfdbinary, "check", "--config", str(path.parent / "gone.toml"))[0] == 5


def test_set_changes_one_setting_and_tells_the_old_one(capfdbinary: pytest.CaptureFixture[bytes], path: Path) -> None:
    code, out = run(capfdbinary, "set", "--key=record.fps", "--value=12")
    done = ConfigSet(path=str(path), key="record.fps", was=30, value=12)
    assert (code, msgspec.json.decode(out, type=ConfigSet)) == (0, done)
    assert load_config(path).record.fps == 12


@pytest.mark.parametrize(
    ("text", "key", "value", "word"),
    [
        ("[record]\nfps = 9 # mine\n", "record.fps", "99", "record.fps"),
        ("[snapshots]\nmin_s = 5\n", "snapshots.max_s", "1", "max_s"),
        ("[record]\nfsp = 9\n", "record.fps", "10", "record.fsp"),
        ("[record]\nquality = [\n", "record.fps", "10", "TOML"),
    ],
)
def test_a_change_that_would_not_be_valid_leaves_the_file(
    capfdbinary: pytest.CaptureFixture[bytes], path: Path, text: str, key: str, value: str, word: str
) -> None:
    path.parent.mkdir()
    path.write_text(text)
    code, out = run(capfdbinary, "set", f"--key={key}", f"--value={value}")
    assert code == 2
    assert word in msgspec.json.decode(out)["error"]["message"]
    assert path.read_text() == text
