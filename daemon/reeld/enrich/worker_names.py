"""What the daemon and the enrichment worker call things between them."""

MODULE = "reeld.enrich.worker"
NAME = "enrich-1"
MEMORY_VARIABLE = "REELD_ENRICH_MEMORY"
"""Environment variable with how many bytes of its own the process may have."""
LANGUAGE_MODEL = "language-model"
LOCAL = "local"
"""The engine of stages that need none."""
