"""Running work on Ray Data."""
