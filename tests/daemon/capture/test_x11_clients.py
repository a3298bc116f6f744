"""Which windows belong to a private one. Harm guarded against: the menu of a password manager in the recording."""

from reeld.capture.api import Rect
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11_clients import Client, private_tops
from reeld.capture.x11_windows import TopWindow, WindowStack
from reeld_proto.privacy import PrivacyRule

NOON = 12 * 60
RULES = PrivacyRules([PrivacyRule(name="rule", app="secret")])
BASE, OTHER_BASE = 0x400000, 0x600000


def number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def client(window: int, app: str = "", *, top: int | None = None, base: int = BASE, **values: bytes) -> Client:
    properties = {name.replace("NET", "_NET"): value for name, value in values.items()}
    return Client(window, top or window, base, {"WM_CLASS": f"{app}\0{app.title()}\0".encode(), **properties})


def private(*clients: Client, loose: tuple[int, ...] = (), rules: PrivacyRules = RULES) -> set[int]:
    """loose: those that no window manager frames."""
    stack = WindowStack()
    for each in clients:
        stack.put(TopWindow(each.top, Rect(0, 0, 1, 1), override=each.top in loose))
    return set(private_tops(clients, stack, rules, NOON))


def test_a_window_is_private_by_either_of_its_names_and_its_frame_with_it() -> None:
    assert private(client(1, "secret"), client(2, "editor")) == {1}
    assert private(client(1, "secret", top=9), client(2, "editor", top=8)) == {9}


def test_dialogs_are_private_however_deep_they_are_nested() -> None:
    dialog = client(2, "helper", base=OTHER_BASE, WM_TRANSIENT_FOR=number(1))
    inner = client(3, "helper", base=OTHER_BASE, WM_TRANSIENT_FOR=number(2))
    assert private(inner, dialog, client(1, "secret")) == {1, 2, 3}


def test_menus_are_private_by_connection_process_or_leader() -> None:
    master = client(1, "secret", NET_WM_PID=number(42), WM_CLIENT_LEADER=number(77))
    assert private(master, client(2), loose=(2,)) == {1, 2}
    assert private(master, client(2, base=OTHER_BASE, NET_WM_PID=number(42)), loose=(2,)) == {1, 2}
    assert private(master, client(2, base=OTHER_BASE, WM_CLIENT_LEADER=number(77)), loose=(2,)) == {1, 2}


def test_what_only_looks_related_is_not_hidden() -> None:
    """Harm: a rule for one window blanks the screen."""
    master = client(1, "secret")
    assert private(master, client(2, "editor")) == {1}
    assert private(master, client(2, base=OTHER_BASE), loose=(2,)) == {1}
    assert private(client(2, "editor", WM_TRANSIENT_FOR=number(3)), client(3, "editor")) == set()


def test_a_title_counts_in_every_reading_of_its_bytes() -> None:
    """Harm: an old program that writes Latin-1 is not covered by the rule with an umlaut in it."""
    rules = PrivacyRules([PrivacyRule(name="rule", title="*tägebuch*")])
    assert private(client(1, WM_NAME="Tägebuch".encode("latin-1")), rules=rules) == {1}
    assert private(client(1, WM_NAME=b"x", NET_WM_NAME="Tägebuch".encode()), rules=rules) == {1}
