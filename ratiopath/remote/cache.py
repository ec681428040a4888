"""Pieces of a file in memory, of which the last used are kept."""

from collections import OrderedDict
from dataclasses import dataclass

BLOCK = 1 << 18
"""Bytes of a block, the unit of requests: the headers of most files are in one."""
KEPT_BYTES = 1 << 25
"""Bytes that are kept of a file, 32 MiB."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring blocks that one request fetched, as it returned them: nothing is copied."""

    first: int
    """Number of its first block."""
    content: memoryview

    @property
    def end(self) -> int:
        """Place in the file behind its last byte."""
        return self.first * BLOCK + len(self.content)

    @property
    def blocks(self) -> range:
        """Numbers of its blocks."""
        return range(self.first, -(-self.end // BLOCK))

    def between(self, start: int, end: int) -> memoryview:
        """Return bytes [start, end) of the file, fewer if the run ends before."""
        origin = self.first * BLOCK
        return self.content[start - origin : end - origin]


class Cache:
    """Runs by the numbers of their blocks. No block is in two of them."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, Run] = OrderedDict()
        self._run_of: dict[int, Run] = {}
        self._size = 0

    def __contains__(self, block: object) -> bool:
        """Return True if a block is kept; it is not used by that."""
        return block in self._run_of

    def get(self, block: int) -> Run | None:
        """Return the run with a block; None if it is not kept."""
        run = self._run_of.get(block)
        if run is not None:
            self._runs.move_to_end(run.first)
        return run

    def add(self, run: Run) -> None:
        """Keep a run, and drop those that were not used for longest."""
        self._runs[run.first] = run
        self._run_of |= dict.fromkeys(run.blocks, run)
        self._size += len(run.content)
        while self._size > KEPT_BYTES:
            _, dropped = self._runs.popitem(last=False)
            self._size -= len(dropped.content)
            for block in dropped.blocks:
                del self._run_of[block]
