"""What the daemon allows one connection; clients may rely on it."""

RATE_PER_S = 500
"""Commands a second, on average."""
RATE_BURST = 1000
"""Commands at once after a pause."""
REPEATS_S = 60
"""How long an answer is kept for a repetition of its command."""
