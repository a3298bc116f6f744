"""obs-websocket 5 for remotes made for OBS: a process of its own, a client of the daemon like others."""
