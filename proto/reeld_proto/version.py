"""Versions of what crosses a border. They have nothing to do with the release of the package."""

PROTOCOL_VERSION = 1
"""Carried by every envelope. Moves only when an old peer could misread a new message; fields may be added freely."""
