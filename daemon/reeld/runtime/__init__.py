"""What every process of the daemon shares: clock, logs, the worker loop and the acknowledged pipeline to the store."""
