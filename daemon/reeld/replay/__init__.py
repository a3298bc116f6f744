"""The rolling buffer: what it records while nobody records, when it steps aside, how it is recycled."""
