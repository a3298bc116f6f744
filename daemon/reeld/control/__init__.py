"""The daemon's face to its clients: commands and replies, events, stats."""
