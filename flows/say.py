"""What a command says."""

import os
from typing import TextIO


def say(*lines: str, to: TextIO) -> None:
    """Print lines, the second and later ones indented; a reader that has gone, such as `head`, ends no run.

    Args:
        lines: What is said.
        to: Standard output or standard error.
    """
    try:
        print(*lines, sep="\n  ", file=to, flush=True)
    except BrokenPipeError:
        # so that Python does not find the pipe broken at its end, where that would change the exit code
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, to.fileno())
        os.close(nowhere)
