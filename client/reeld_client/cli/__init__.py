"""`reelctl`: reeld on the command line. Its `--json` and its exit codes are a contract (DESIGN.md)."""
