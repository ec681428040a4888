"""Requests that are made in the background before their bytes are asked for."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratiopath.remote.background import started
from ratiopath.remote.cache import Run

if TYPE_CHECKING:
    from concurrent.futures import Future

LONGEST = 16
"""Blocks of the longest request, 4 MiB."""
FIRST = 4
"""Blocks of the first requests after an announcement, 1 MiB in all; then twice as many, up to LONGEST: reading begins
while the others are under way."""
AT_ONCE = 4
"""Requests that are made at once."""
_GAP = 2
"""Blocks that nobody asks for and that are fetched rather than to make another request, 512 KiB."""


@dataclass(slots=True)
class Due:
    """A request that is due, and its answer once it is made."""

    blocks: range
    answer: "Future[Run] | None" = None

    @property
    def is_running(self) -> bool:
        """True if it is made and not answered."""
        return self.answer is not None and not self.answer.done()


class ReadAhead:
    """The next requests of a file, at most 2 * LONGEST blocks, 8 MiB. Their errors are raised where bytes are taken."""

    def __init__(self, fetch: Callable[[range], Run]) -> None:
        """Make no request yet.

        Args:
            fetch: Request for neighbouring blocks.
        """
        self._fetch = fetch
        self._wanted: Iterator[int] = iter(())
        self._due: list[Due] = []
        self._most = FIRST

    def __contains__(self, block: object) -> bool:
        """Return True if the request for a block is due."""
        return any(block in due.blocks for due in self._due)

    @property
    def is_idle(self) -> bool:
        """True if no request is due."""
        return not self._due

    def expect(self, blocks: Iterable[int], most: int = FIRST) -> None:
        """Replace the blocks that will be asked for; requests that are made are forgotten.

        Args:
            blocks: Their numbers, in the order in which they will be asked for.
            most: Blocks of the first requests.
        """
        self._wanted, self._due, self._most = iter(blocks), [], most

    def take(self, block: int) -> Due | None:
        """Return the request for a block, which is due no longer; None if there is none."""
        found = next((due for due in self._due if block in due.blocks), None)
        if found is not None:
            self._due.remove(found)
        return found

    def refill(self, kept: Container[int], taken: Container[int] = ()) -> None:
        """Make further requests.

        Args:
            kept: Blocks that are not to be fetched again.
            taken: Blocks that are fetched now, ditto.
        """
        while sum(len(due.blocks) for due in self._due) <= LONGEST and (runs := self._next_runs(kept, taken)):
            self._due += map(Due, runs)
        free = AT_ONCE - sum(due.is_running for due in self._due)
        for due in [due for due in self._due if due.answer is None][: max(0, free)]:
            self.start(due)

    def start(self, due: Due) -> "Future[Run]":
        """Make a request unless it is made; return its answer, which need not be there yet."""
        if due.answer is None:
            due.answer = started(lambda: self._fetch(due.blocks))
        return due.answer

    def _next_runs(self, kept: Container[int], taken: Container[int]) -> list[range]:
        """Choose the next requests, those first whose bytes are asked for first."""

        def is_known(block: int) -> bool:
            return block in kept or block in taken or block in self

        turns: dict[int, int] = {}
        for block in self._wanted:
            if not is_known(block):
                turns.setdefault(block, len(turns))
            if len(turns) == self._most:
                break
        self._most = min(2 * self._most, LONGEST)
        runs: list[range] = []
        for block in sorted(turns):
            last = runs[-1] if runs else range(-LONGEST, -LONGEST)
            between = range(last.stop, block)
            if len(between) <= _GAP and block < last.start + LONGEST and not any(map(is_known, between)):
                runs[-1] = range(last.start, block + 1)
            else:
                runs.append(range(block, block + 1))
        return sorted(runs, key=lambda run: min(turns.get(block, len(turns)) for block in run))
