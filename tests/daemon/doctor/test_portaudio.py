"""What loads PortAudio tells a failure as an answer: a traceback would be read as a crash of ours."""

import sys
from pathlib import Path

import msgspec
import pytest

from reeld.doctor import portaudio
from reeld.doctor.sound import PortAudioFacts


def answer(capfdbinary: pytest.CaptureFixture[bytes]) -> PortAudioFacts:
    capfdbinary.readouterr()
    portaudio.main()
    return msgspec.json.decode(capfdbinary.readouterr().out, type=PortAudioFacts)


@pytest.mark.parametrize("error", ["OSError('PortAudio library not found')", "ImportError('no module of this name')"])
def test_a_library_that_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], error: str
) -> None:
    (tmp_path / "sounddevice.py").write_text(f"raise {error}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    found = answer(capfdbinary)
    assert found.failure in error
    assert found.failure
    assert (found.version, found.devices) == ("", [])


def test_devices_and_a_short_version_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    text = "query_devices = lambda: [{'name': 'hw'}, {'name': 'pulse'}]\n"
    text += "get_portaudio_version = lambda: (1, 'PortAudio V19.7.0-devel, revision 147dd722548358763a8b649b3e4b41d')\n"
    (tmp_path / "sounddevice.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    assert answer(capfdbinary) == PortAudioFacts(version="PortAudio V19.7.0-devel", devices=["hw", "pulse"])
    del sys.modules["sounddevice"]
