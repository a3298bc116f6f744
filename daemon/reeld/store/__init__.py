"""The store: everything recorded, in one LMDB environment with one writing process. FORMAT.md tells what is where."""
