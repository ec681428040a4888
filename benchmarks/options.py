"""Options of the command line, and the end of a run that measures something else than it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.masks import MASKS


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line."""

    cache: Path
    masks: Sequence[str]
    rois: Sequence[str]
    strides: Sequence[int]
    slides: Sequence[int] | None
    """Numbers of slides of the suites of many slides; None for each suite's own."""
    repeat: int
    shrink: int
    seed_python: str | None
    seed_tiles: int | None

    def mask(self, name: str) -> Path:
        """Write a mask unless it is cached; return its path."""
        return MASKS[name].shrunk(self.shrink).write(self.cache)

    def numbers(self, default: int) -> list[int]:
        """Return numbers of slides."""
        return [-(-number // self.shrink) for number in self.slides or (default,)]


class DifferenceError(Exception):
    """Counts differ from what they must be."""
