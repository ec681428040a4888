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
"""Blocks of the first requests after an announcement, 1 MiB in all: reading can begin while the next are made."""
AT_ONCE = 4
"""Requests that are made at once."""
_GAP = 2
"""Blocks that nobody asks for and that are fetched rather than to make another request, 512 KiB."""


@dataclass(slots=True)
class _Coming:
    """A request that is due, and its answer once it is made."""

    blocks: range
    answer: "Future[Run] | None" = None


class ReadAhead:
    """The next requests of a file, at most 2 * LONGEST blocks, 8 MiB. Their errors are raised where bytes are taken."""

    def __init__(self, fetch: Callable[[range], Run]) -> None:
        """Make no request yet.

        Args:
            fetch: Request for neighbouring blocks.
        """
        self._fetch = fetch
        self._wanted: Iterator[int] = iter(())
        self._coming: list[_Coming] = []
        self._most = FIRST

    def expect(self, blocks: Iterable[int], most: int = FIRST) -> None:
        """Replace the blocks that will be asked for; requests that are made are forgotten.

        Args:
            blocks: Their numbers, in the order in which they will be asked for.
            most: Blocks of the first requests.
        """
        self._wanted, self._coming, self._most = iter(blocks), [], most

    def take(self, block: int) -> "Future[Run] | None":
        """Return the answer to the request for a block, which need not be there yet; None if none is due."""
        found = next((coming for coming in self._coming if block in coming.blocks), None)
        if found is None:
            return None
        self._coming.remove(found)
        return self._started(found)

    def refill(self, kept: Container[int]) -> None:
        """Make further requests.

        Args:
            kept: Blocks that are not to be fetched again.
        """
        while sum(len(coming.blocks) for coming in self._coming) <= LONGEST and (runs := self._next_runs(kept)):
            self._coming += map(_Coming, runs)
        running = sum(coming.answer is not None and not coming.answer.done() for coming in self._coming)
        waiting = [coming for coming in self._coming if coming.answer is None]
        for coming in waiting[: max(0, AT_ONCE - running)]:
            self._started(coming)

    def _started(self, coming: _Coming) -> "Future[Run]":
        if coming.answer is None:
            coming.answer = started(lambda: self._fetch(coming.blocks))
        return coming.answer

    def _next_runs(self, kept: Container[int]) -> list[range]:
        """Choose the next requests, those first whose bytes are asked for first."""
        due = {block for coming in self._coming for block in coming.blocks}
        wanted: dict[int, int] = {}  # block -> turn
        for block in self._wanted:
            if block not in kept and block not in due:
                wanted.setdefault(block, len(wanted))
            if len(wanted) == self._most:
                break
        self._most = LONGEST
        runs: list[range] = []
        for block in sorted(wanted):
            last = runs[-1] if runs else range(-LONGEST, -LONGEST)
            between = range(last.stop, block)
            is_near = len(between) <= _GAP and block < last.start + LONGEST
            if is_near and not any(one in kept or one in due for one in between):
                runs[-1] = range(last.start, block + 1)
            else:
                runs.append(range(block, block + 1))
        return sorted(runs, key=lambda run: min(wanted.get(block, len(wanted)) for block in run))
