"""Benchmarks: the budgets of the project, each beside its peer in one run."""
