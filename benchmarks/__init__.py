"""How fast, against what: `uv run python -m benchmarks --help`."""
