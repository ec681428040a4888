"""Pictures of tiles on their slide, for notebooks; needs matplotlib, the extra `plot`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ratiopath.errors import ParameterError
from ratiopath.geometry import Extent
from ratiopath.plan import Windows
from ratiopath.slides import open_slide, scanner_thumbnail
from ratiopath.slides.windows import cut_tiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PIXELS = 1 << 24
"""Largest number of pixels of a level that is read as the background."""
MAX_CATEGORIES = 20
"""Texts of a column that have colours of their own."""
LEVEL0 = ("level0_x", "level0_y", "level0_extent_x", "level0_extent_y")
"""Columns of boxes in pixels of level 0."""
TILE = ("tile_x", "tile_y", "tile_extent_x", "tile_extent_y")
"""Columns of boxes in pixels of the column `level`."""


class Columns(Protocol):
    """A table of columns by name: a pyarrow Table, a DataFrame of pandas or polars, or a dict of arrays."""

    def __getitem__(self, name: str, /) -> Any:
        """Return a column that numpy can read."""


def plot_tiles(
    slide: str | None,
    tiles: Columns | Mapping[str, Any],
    column: str,
    *,
    ax: "Axes | None" = None,
    alpha: float = 0.6,
    cmap: str = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
) -> "Axes":
    """Draw the tiles of one slide in the colours of a column, over the slide in grey.

    The axes are pixels of level 0, y points down. The boxes are the columns level0_x, level0_y, level0_extent_x and
    level0_extent_y of tiles/; a table without them, as in coverage/, has tile_x, tile_y, tile_extent_x, tile_extent_y
    and level, and then the slide is needed. The slide is read on its coarsest level, never on a large one.

        plot_tiles("a.svs", pyarrow.parquet.read_table("coverage/tiles/a-0123456789ab.parquet"), "tumor")

    Args:
        slide: Path of the slide; None for no background.
        tiles: Table of tiles, such as a file of tiles/.
        column: Column of numbers, drawn with a colour bar, or of texts, with a legend. Tiles without a value are left
            out.
        ax: Axes to draw on; new ones by default.
        alpha: Opacity of the tiles, 0 to 1.
        cmap: Colour map of matplotlib for numbers.
        vmin: Number at the lower end of the colour bar; the smallest one by default.
        vmax: Number at the upper end of the colour bar; the largest one by default.

    Returns:
        The axes.

    Raises:
        ParameterError: A column is missing, the tiles are of several slides, or there are too many texts.
        SlideError: The slide cannot be read.
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib import colormaps  # noqa: PLC0415 - an extra
        from matplotlib import pyplot as plt  # noqa: PLC0415 - ditto
        from matplotlib.collections import PolyCollection  # noqa: PLC0415 - ditto
        from matplotlib.patches import Patch  # noqa: PLC0415 - ditto
    except ImportError as error:
        raise ImportError("ratiopath.plot needs matplotlib; install ratiopath-flows[plot]") from error
    values = _column(tiles, column)
    _require_one_slide(tiles)
    background, extent, boxes = _placed(slide, tiles)
    # not for None, NaN and the NA of pandas, which are not equal to themselves
    is_known = np.array([value is not None and (value == value) is True for value in values.tolist()], dtype=np.bool_)  # noqa: PLR0124
    values, boxes = values[is_known], boxes[is_known]
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    if background is not None and extent is not None:
        ax.imshow(background, cmap="gray", vmin=0, vmax=255, extent=(0, extent.width, extent.height, 0))
    drawn = PolyCollection(list(_corners(boxes)), alpha=alpha, linewidths=0)
    if any(isinstance(value, str) for value in values.tolist()):
        names = sorted({str(value) for value in values})
        if len(names) > MAX_CATEGORIES:
            raise ParameterError(
                f"column {column!r} has {len(names)} texts, more than {MAX_CATEGORIES}; choose a column of classes"
            )
        colours = {name: colormaps["tab20"](number) for number, name in enumerate(names)}
        drawn.set_facecolor([colours[str(value)] for value in values])
        handles = [Patch(color=colour, label=name, alpha=alpha) for name, colour in colours.items()]
        ax.legend(handles=handles, title=column, loc="upper left", bbox_to_anchor=(1, 1))
    else:
        drawn.set(array=values.astype(np.float64), cmap=cmap, clim=(vmin, vmax))
        ax.figure.colorbar(drawn, ax=ax, label=column)
    ax.add_collection(drawn)
    if extent is None:
        ax.autoscale_view()
        ax.yaxis.set_inverted(True)
    else:
        ax.set(xlim=(0, extent.width), ylim=(extent.height, 0))
    ax.set(xlabel="x, px of level 0", ylabel="y, px of level 0", aspect="equal")
    return ax


def _placed(
    slide: str | None, tiles: Columns | Mapping[str, Any]
) -> tuple[npt.NDArray[np.uint8] | None, Extent | None, npt.NDArray[np.float64]]:
    """Read the slide in grey and its size, and the boxes of the tiles (x, y, width, height), px of level 0."""
    if slide is None:
        return None, None, np.stack([_column(tiles, name).astype(np.float64) for name in LEVEL0], axis=1)
    with open_slide(slide) as reader:
        levels = reader.pyramid.levels
        try:
            boxes = np.stack([_column(tiles, name).astype(np.float64) for name in LEVEL0], axis=1)
        except ParameterError:
            factors = np.array([(level.downsample_x, level.downsample_y) * 2 for level in levels])
            boxes = np.stack([_column(tiles, name).astype(np.float64) for name in TILE], axis=1)
            boxes = boxes * factors[_column(tiles, "level").astype(np.int64)]
        coarsest = levels[-1]
        corner = np.zeros(1, dtype=np.int64)
        if coarsest.extent.width * coarsest.extent.height <= MAX_PIXELS:
            pixels = cut_tiles(reader, Windows(coarsest.index, corner, corner, coarsest.extent))[0]
        else:
            pixels = scanner_thumbnail(slide)
    grey = None if pixels is None else pixels.mean(axis=2).astype(np.uint8)
    return grey, levels[0].extent, boxes


def _corners(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the corners of each box, shape (tiles, 4, 2)."""
    x, y, width, height = boxes.T
    return np.stack([np.stack([x, x + width, x + width, x], 1), np.stack([y, y, y + height, y + height], 1)], axis=2)


def _column(tiles: Columns | Mapping[str, Any], name: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(tiles[name])
    except Exception as error:  # each kind of table has an error of its own
        raise ParameterError(f"the tiles have no column {name!r}; name one of the table, or pass the slide") from error


def _require_one_slide(tiles: Columns | Mapping[str, Any]) -> None:
    try:
        slides = set(_column(tiles, "slide_id").tolist())
    except ParameterError:
        return  # a table of one's own
    if len(slides) > 1:
        raise ParameterError(f"the tiles are of {len(slides)} slides; choose those of one by slide_id")
