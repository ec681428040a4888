"""State of an output from run to run: its index, and the slides that are to be done."""
