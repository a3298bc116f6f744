"""Recordings carried out of a store and into it: copies, bundles, imports."""
