"""Recordings in a browser of this machine: a server process of its own, read-only on the store, gone when idle."""
