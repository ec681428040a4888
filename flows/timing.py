"""How long a worker was busy with each row."""

import time
from collections.abc import Callable, Generator

from flows.together import Row, Steps, Work

SECONDS = "_seconds"
"""Key of the time in what timed work gives."""


def timed(work: Work, clock: Callable[[], float] = time.monotonic) -> Work:
    """The same work, which also gives the seconds it took: without the checks that rows share."""

    def run(row: Row) -> Steps:
        spent, began = 0.0, clock()
        steps = work(row)
        if not isinstance(steps, Generator):
            return {**steps, SECONDS: clock() - began}
        try:
            while True:
                try:
                    step = next(steps)
                except StopIteration as stop:
                    return {**stop.value, SECONDS: spent + clock() - began}
                spent += clock() - began
                yield step
                began = clock()
        finally:
            steps.close()  # what it was writing is not to stay

    return run
