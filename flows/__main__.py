"""Entry point of `python -m flows VERB`."""

from flows.cli.verbs import run

run()
