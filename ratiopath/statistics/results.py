"""Statistics of rows, whatever they were measured on, and the scale of their numbers."""

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ratiopath.errors import ParameterError
from ratiopath.geometry import Float64s, Int64s
from ratiopath.statistics.statistic import Statistic


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of the numbers inside the ROI of each row."""

    statistics: tuple[Statistic, ...]
    """The statistics, a column each."""
    values: Float64s
    """Values, shape (rows, statistics); NaN where there is no number, or where infinity has no such statistic."""
    inside: Float64s
    """Size of the ROI of each row, in pixels or as an area."""
    existing: Float64s
    """Size of the part of the ROI with a number, in the unit of `inside`."""

    def __len__(self) -> int:
        return len(self.values)

    def scaled(self, scale: "Scale") -> "Statistics":
        """Convert from the numbers of a file to those of a scale; shares have none."""
        values = self.values.copy()
        for column, one in enumerate(self.statistics):
            if one.kind == "std":
                values[:, column] /= scale.length
            elif one.kind != "share":
                values[:, column] = (values[:, column] - scale.low) / scale.length
        return replace(self, values=values)


@dataclass(frozen=True, slots=True)
class Scale:
    """Linear scale of the numbers in a file."""

    low: float = 0.0
    """Number in the file that stands for 0."""
    high: float = 1.0
    """Number in the file that stands for 1."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ParameterError(f"invalid scale [{self.low}, {self.high}]; give [low, high] with low < high")

    @classmethod
    def of(cls, limits: Sequence[float]) -> Self:
        """Build a scale from the pair [low, high] that a user gave.

        Raises:
            ParameterError: It is no pair of numbers with low < high.
        """
        try:
            low, high = map(float, limits)
        except (TypeError, ValueError):
            raise ParameterError(f"invalid scale {reprlib.repr(limits)}; give [low, high] with low < high") from None
        return cls(low, high)

    @property
    def length(self) -> float:
        """Difference in the file that stands for 1."""
        return self.high - self.low

    def in_file(self, statistics: Sequence[Statistic]) -> tuple[Statistic, ...]:
        """Convert the thresholds of shares to the numbers of the file.

        Examples:
            >>> [one.number for one in Scale(0, 255).in_file([Statistic.parse("share>=0.2")])]
            [51.0]
        """
        return tuple(
            replace(one, number=self.low + one.number * self.length) if one.kind == "share" else one
            for one in statistics
        )


def gather_statistics(
    groups: Sequence[tuple[Int64s, Statistics]], statistics: tuple[Statistic, ...], rows: int
) -> Statistics:
    """Combine the statistics of several groups of rows.

    Args:
        groups: Row indices of each group, and its statistics in the same order. The groups share no row.
        statistics: The statistics of all groups.
        rows: Number of rows of the result; those in no group stay unknown.
    """
    values, inside, existing = np.full((rows, len(statistics)), np.nan), np.zeros(rows), np.zeros(rows)
    for group, found in groups:
        values[group], inside[group], existing[group] = found.values, found.inside, found.existing
    return Statistics(statistics, values, inside, existing)
