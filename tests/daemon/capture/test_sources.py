import pytest

from reeld.capture import sources
from reeld.capture.privacy import PrivacyRules
from reeld.capture.sources import Wishes, list_sources, make_source, refuse_rules_of_windows
from reeld.capture.x11 import X11Source
from reeld.capture.x11_wire import XConnection
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import SourceKind
from reeld_proto.workers import SourceSpec
from tests.daemon.capture.canvas import GREEN
from tests.daemon.capture.pointing import Hand
from tests.daemon.capture.program import Program
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


@pytest.mark.parametrize("kind", [SourceKind.DISPLAY, SourceKind.REGION, SourceKind.WINDOW])
@pytest.mark.parametrize("pointer", [True, False])
def test_the_pointer_is_drawn_if_it_is_wanted(at_x_desk: VirtualDesk, kind: SourceKind, pointer: bool) -> None:
    """Harm: what somebody clicked cannot be seen, or it can although it was not to be."""
    with Program(0, 0, 1920, 1080, background=GREEN) as program, Hand() as hand:
        name = program.id if kind is SourceKind.WINDOW else "LEFT"
        spec = SourceSpec(kind=kind, id=name, label="notes.txt - Editor", app="Editor", width=1920, height=1080)
        hand.move(200, 150)
        source = make_source(spec, Wishes(fps=30, pointer=pointer))
        source.open()
        (band,) = source.grab(full=True).bands
        others = (band.pixels[:, :, :3] != (0, 255, 0)).any(axis=2)
        source.close()
        hand.move(1900, 1000)
    assert others[130:170, 180:220].any() == pointer
    assert others.sum() == others[130:170, 180:220].sum()


def test_a_closed_window_is_named(at_x_desk: VirtualDesk) -> None:
    """Harm: a window that is gone is an error of ours."""
    spec = SourceSpec(kind=SourceKind.WINDOW, id="0x7ffffff", app="Editor", width=64, height=64)
    with pytest.raises(RequestRejected, match="the window 0x7ffffff is closed"):
        make_source(spec, Wishes(fps=30)).open()


def test_this_platform_has_a_source() -> None:
    """Harm: the worker falls back to comparing frames where the display would tell."""
    assert isinstance(make_source(SourceSpec(kind=SourceKind.REGION, width=64, height=64), Wishes(fps=30)), X11Source)


def test_where_windows_cannot_be_masked_a_rule_about_them_refuses_the_screen() -> None:
    """Harm: a rule that the system cannot carry out is taken to hold."""
    refuse_rules_of_windows(PrivacyRules([PrivacyRule(name="night", hours="22:00-06:00")]))
    with pytest.raises(RequestRejected) as caught:
        refuse_rules_of_windows(PrivacyRules([PrivacyRule(name="bank", title="*bank*")]))
    assert caught.value.code == ErrorCode.DENIED
