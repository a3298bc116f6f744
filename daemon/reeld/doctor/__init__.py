"""What this machine can record with, looked at in a fresh process: `python -m reeld.doctor`, run by `reelctl doctor`.

Each module has the facts of one area, a thin `gather` that asks the system, and a pure `judge` that makes findings of
the facts. What needs none of the daemon's packages (sockets, folders, service) is checked in `reeld_client.doctor`.
"""
