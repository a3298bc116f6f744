import pytest

from reeld.capture import sources
from reeld.capture.sources import Wishes, list_sources, make_source
from reeld.capture.x11 import X11Source
from reeld.capture.x11_wire import XConnection
from reeld_proto.records import SourceKind
from reeld_proto.workers import SourceSpec
from tests.support.desk import VirtualDesk


def test_displays_of_the_desk_are_listed(at_x_desk: VirtualDesk) -> None:
    """Harm: nothing can be chosen."""
    found = list_sources()
    assert [display.id for display in found.displays] == ["LEFT", "RIGHT"]
    assert found.warnings == []


def test_without_a_display_the_list_is_empty_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: an empty list without a word, or an error where sound alone could be recorded."""
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    found = list_sources()
    assert found.displays == []
    assert found.windows == []
    (warning,) = found.warnings
    assert "DISPLAY is not set" in warning
    assert "Start reeld inside the desktop session" in warning


def test_xwayland_is_named(at_x_desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a person records a black screen for a day."""
    has = XConnection.has_extension
    monkeypatch.setattr(XConnection, "has_extension", lambda self, name: name == "XWAYLAND" or has(self, name))
    assert list_sources().warnings == [sources.XWAYLAND_WARNING]


def test_this_platform_has_a_source() -> None:
    """Harm: the worker falls back to comparing frames where the display would tell."""
    assert isinstance(make_source(SourceSpec(kind=SourceKind.REGION, width=64, height=64), Wishes(fps=30)), X11Source)
