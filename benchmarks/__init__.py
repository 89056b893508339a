"""Benchmarks: quality, cost and fuzzing."""
