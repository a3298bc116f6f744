"""Addresses on which the daemon may listen: those of this machine alone. Pure."""

import ipaddress

PORT_MAX = 65535


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:7711` or `[::1]:7711`; port 0 takes any two. Raises ValueError for all else."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not colon or not is_loopback:
        raise ValueError(f"{text!r} is no loopback address with a port, such as 127.0.0.1:7711")
    # The events have the port above.
    if not port.isascii() or not port.isdecimal() or not 0 <= int(port) < PORT_MAX or 0 < int(port) < 1024:
        raise ValueError(f"the port {port!r} is neither 0 nor 1024 to {PORT_MAX - 1}")
    return host, int(port)
