"""Export and verification: jobs that read the whole store, in a process of their own. Nothing here writes to it."""
