"""Where the daemon may listen. Harm guarded against: a typing error that opens a recorder to the network."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.access.addresses import PORT_MAX, parse_address


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("127.8.9.1:1024", ("127.8.9.1", 1024)), ("[::1]:7711", ("::1", 7711))],
)
def test_loopback_is_accepted(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "7711", "127.0.0.1", "localhost:7711", "0.0.0.0:7711", "[::]:7711", "192.168.1.5:7711", "*:7711"]
    + [f"127.0.0.1:{port}" for port in ("", "-1", "80", "65535", "65536", "1e4", "\u0667\u0667\u0661\u0661", "7711 ")],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"loopback|port"):
        parse_address(text)


@given(text=st.one_of(st.text(), st.builds("{}:{}".format, st.ip_addresses(), st.integers(-5, 70000))))
def test_whatever_is_accepted_is_loopback(text: str) -> None:
    try:
        host, port = parse_address(text)
    except ValueError:
        return
    assert ipaddress.ip_address(host).is_loopback
    assert port == 0 or 1024 <= port < PORT_MAX
