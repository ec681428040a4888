"""Benchmarks against named competitors: `uv run python -m benchmarks --help`."""
