"""Command line: options, the run's own Prefect server, terminal output and the sample."""
