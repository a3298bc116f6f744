"""What the daemon must not record now: private mode, a locked session, private hours."""
