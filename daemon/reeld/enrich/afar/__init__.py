"""Stages of enrichment on other machines: a Dask cluster whose workers read footage from the synced copy."""
