"""Every message that crosses a process border of reeld, in one place: types, codec, errors, units."""

from reeld_proto.version import PROTOCOL_VERSION

__all__ = ["PROTOCOL_VERSION"]
