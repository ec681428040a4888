"""Door of the coverage flow: `python -m flows.coverage` runs it, `flows.coverage.coverage` is the flow."""

if __name__ == "__main__":
    from flows.cli.main import run

    run()
else:
    from flows.pipeline import coverage

    __all__ = ["coverage"]
