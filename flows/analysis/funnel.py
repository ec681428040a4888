"""The funnel of `keep`: the tiles and slides that its parts leave, each alone and one after the other.

    alone       tiles where the part is true
    in order    tiles where it and all parts before it are true: after the last part, the tiles that `keep` keeps

A part is what `and` joins. A part that is null, since a class is unknown, is not true, and keeps no tile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import acero

from flows.config.keep_expression import Part
from ratiopath.geometry import Int64s


@dataclass(frozen=True, slots=True)
class FunnelLeft:
    """Tiles of one slide that the parts leave; the first number stands before the first part, for all tiles."""

    alone: Int64s
    """Tiles that each part keeps alone, int64."""
    in_order: Int64s
    """Tiles that it and the parts before it keep, int64."""


def funnel_slide(groups: Iterable[pa.Table], parts: Sequence[Part]) -> FunnelLeft:
    """Count the tiles of one slide that each part keeps.

    Args:
        groups: Tiles of coverage/, in several tables, with the columns that the parts name.
        parts: Parts of the condition, in order.
    """
    alone, in_order = np.zeros((2, len(parts) + 1), np.int64)
    for group in groups:
        kept = np.ones((len(parts) + 1, group.num_rows), np.bool_)
        kept[1:] = are_true(group, parts)
        alone += kept.sum(axis=1)
        in_order += np.logical_and.accumulate(kept, axis=0).sum(axis=1)
    return FunnelLeft(alone, in_order)


def are_true(group: pa.Table, parts: Sequence[Part]) -> npt.NDArray[np.bool_]:
    """Evaluate the parts on tiles.

    Returns:
        True where a part is true, False where it is false or null; bool, (parts, tiles).
    """
    if not parts or not group.num_rows:
        return np.zeros((len(parts), group.num_rows), np.bool_)
    plan = acero.Declaration.from_sequence(
        [
            acero.Declaration("table_source", acero.TableSourceNodeOptions(group)),
            acero.Declaration(
                "project",
                acero.ProjectNodeOptions([part.expression for part in parts], [str(n) for n in range(len(parts))]),
            ),
        ]
    )
    found = plan.to_table(use_threads=False)  # threads would change the order
    return np.stack([column.fill_null(fill_value=False).to_numpy().astype(np.bool_) for column in found.columns])


class CohortFunnel:
    """Sums over slides, which take no more memory for more slides."""

    def __init__(self, parts: int, least: int) -> None:
        """Begin without slides.

        Args:
            parts: Number of parts.
            least: Number of tiles below which a slide drops out.
        """
        self._least = least
        self.tiles_alone, self.slides_alone, self.tiles, self.slides, self.slides_below = np.zeros(
            (5, parts + 1), np.int64
        )

    def add(self, slide: FunnelLeft) -> None:
        """Add a slide."""
        self.tiles_alone += slide.alone
        self.slides_alone += slide.alone > 0
        self.tiles += slide.in_order
        self.slides += slide.in_order > 0
        self.slides_below += slide.in_order < self._least
