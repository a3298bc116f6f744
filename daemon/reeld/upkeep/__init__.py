"""Background care for the store: checks, compaction, compression, the budget; paused whenever a person says so."""
