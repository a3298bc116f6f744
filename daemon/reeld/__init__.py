"""The recorder daemon and its worker processes."""

__version__ = "0.1.0"
