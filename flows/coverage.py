"""The door of the coverage flow: `python -m flows.coverage` runs it, `flows.coverage.coverage` is the flow."""

if __name__ == "__main__":
    from flows.cli.main import end, main

    end(main())
else:
    from flows.pipeline import coverage

    __all__ = ["coverage"]
