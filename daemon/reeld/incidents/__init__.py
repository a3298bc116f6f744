"""Reports of processes that crashed or stalled."""
