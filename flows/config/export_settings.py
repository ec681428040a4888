"""Settings of an export: the same in `exports:` of the configuration and on the command line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self, TypeAlias

import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from flows.config.excerpt import excerpt, first_of
from flows.config.fields import ColumnName, PathText
from flows.config.keep_expression import MAX_NAMES, KeepNames, keep_expression
from flows.config.section import Section
from flows.config.uri import check_output
from schemas.columns import LEVEL0_COLUMNS, TILE_COLUMNS, OverlayColumns

FormatName: TypeAlias = Literal[
    "trident", "clam", "qupath", "csv", "monai", "hs2p", "geoparquet", "dataset", "heatmap"
]  # fmt: skip
"""Names of the formats."""
OPTIONS_OF = {"crop": "qupath", "classify": "qupath"}
"""Settings that only one format has."""


class ExportSettings(Section):
    """Place, tiles, columns and names of one export."""

    to: Annotated[PathText, AfterValidator(check_output)] | None = Field(
        None, description="folder, or URI of a store; null takes exports/FORMAT in the output"
    )
    where: str | None = Field(
        None,
        description="tiles to write, an expression as in keep over the columns of tiles/, such as 'tumor >= 0.5';"
        " null writes all that keep keeps",
    )
    classes: list[ColumnName] | None = Field(
        None, min_length=1, description="columns of numbers to write; null writes every class"
    )
    name: Literal["stem", "slide_id"] = Field(
        "stem", description="names of the files: that of the slide without its suffix, or its slide_id"
    )
    crop: bool = Field(
        default=True,
        description="qupath only: coordinates begin at the scanned box, as QuPath shows the slide; false: at the slide",
    )
    classify: list[ColumnName] | None = Field(
        None,
        min_length=1,
        description="qupath only: columns among which the classification of a tile is chosen; null takes the classes",
    )


@dataclass(frozen=True, slots=True)
class TileColumns:
    """Names of the columns of tiles/, by what an export may do with them."""

    measures: tuple[str, ...]
    """Columns of numbers that overlays gave, which may be written: shares, statistics and counts."""
    names: KeepNames
    """Every column that `where` may name."""

    @classmethod
    def of(cls, overlays: Sequence[OverlayColumns], manifest: KeepNames) -> Self:
        """Sort the columns of the overlays, the grid and a manifest.

        Args:
            overlays: Columns of each overlay.
            manifest: Columns of the manifest.
        """
        texts = {"slide_id", "path"}
        shares = [name for one in overlays for name in (*one.classes, one.inside, *one.uncertainty, *one.measured)]
        counts = [name for one in overlays for name in one.counts]
        numbers = {*counts, *(name for one in overlays for name in one.numbers)}
        grid = {*TILE_COLUMNS, *LEVEL0_COLUMNS} - texts
        names = KeepNames(
            shares=frozenset(shares) - numbers,
            numbers=manifest.numbers | numbers | grid,
            texts=manifest.texts | texts | {one.path for one in overlays},
            flags=manifest.flags,
            refused=frozenset(name for one in overlays for name in one.dominant),
        )
        return cls((*shares, *counts), names)


def check_export(format_name: str, settings: ExportSettings, columns: TileColumns) -> None:
    """Refuse settings that name what tiles/ has not, before any work.

    Args:
        format_name: Name of the format.
        settings: Its settings.
        columns: Columns of tiles/.

    Raises:
        ValueError: The message names the setting and the remedy.
    """
    for option, owner in OPTIONS_OF.items():
        if getattr(settings, option) != ExportSettings.model_fields[option].default and owner != format_name:
            raise ValueError(f"{option} is an option of {owner} only; leave it out")
    for option, known in (("classes", columns.measures), ("classify", settings.classes or columns.measures)):
        unknown = [name for name in getattr(settings, option) or () if name not in known]
        if unknown:
            found = f"{option}: no column of numbers {excerpt(unknown[0])} is written"
            raise ValueError(f"{found}; the columns are {first_of(known, MAX_NAMES)}")
        twice = [name for name, times in Counter(getattr(settings, option) or ()).items() if times > 1]
        if twice:
            raise ValueError(f"{option}: {twice[0]!r} is named twice; name it once")
    try:
        where_expression(settings, columns)
    except ValueError as error:
        raise ValueError(f"where: {error}") from None


def where_expression(settings: ExportSettings, columns: TileColumns) -> pc.Expression | None:
    """Parse `where`; None if every tile is written.

    Raises:
        ValueError: It is no expression over the columns.
    """
    if settings.where is None:
        return None
    return keep_expression(settings.where, columns.names)
