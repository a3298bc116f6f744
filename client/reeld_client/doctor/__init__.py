"""What `reelctl doctor` checks with nothing but the thin client: daemon, sockets, folders, service."""
