"""`CoverageConfig`: the one definition behind the YAML file, the command line and the form of a deployment."""

import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from flows.config.fields import (
    ColumnName,
    Number,
    OverlayValues,
    PathText,
    PixelPair,
    Resolution,
    check_roi,
    expecting,
    parse_roi,
    refuse_ambiguous_one,
    refuse_bool,
    refuse_yaml_bool,
    require_file_system,
)
from flows.config.keep_expression import keep_expression
from flows.config.overlay_path import Column, OverlayPath, folder_named_by
from flows.config.resources import Resources
from ratiopath.geometry import Extent
from ratiopath.roi import Roi
from schemas.columns import TILE_COLUMNS, OverlayColumns


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tiling(_Section):
    """How slides are cut into tiles."""

    mpp: Resolution | None = Field(None, description="tile the level closest to this µm per pixel; this or level")
    level: Annotated[int, Field(ge=0), BeforeValidator(refuse_bool)] | None = Field(
        None, description="tile this level, 0 is the finest; this or mpp"
    )
    tile_extent: PixelPair = Field(description="size of a tile in pixels of that level, one number or [width, height]")
    stride: PixelPair | None = Field(None, description="pixels from one tile to the next, [x, y]; default: tile_extent")
    last: Literal["keep", "drop", "shift"] = Field(
        "keep", description="what happens to a last tile that does not fit: keep it, drop it, or shift it back inside"
    )

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if (self.mpp is None) == (self.level is None):
            found = "neither" if self.mpp is None else f"mpp {self.mpp} and level {self.level}"
            raise ValueError(f"exactly one of mpp and level says what to tile, found {found}; give one of them")
        return self

    @property
    def extent(self) -> Extent:
        """Size of a tile."""
        return _pair(self.tile_extent)

    @property
    def step(self) -> Extent:
        """Pixels between tiles along x and along y."""
        return _pair(self.tile_extent if self.stride is None else self.stride)

    @property
    def in_full(self) -> dict[str, Any]:
        """The same settings in one form, in however many words they were given."""
        return {
            "mpp": self.mpp,
            "level": self.level,
            "tile_extent": [self.extent.width, self.extent.height],
            "stride": [self.step.width, self.step.height],
            "last": self.last,
        }


class Overlay(_Section):
    """A second raster over the slide, aligned by physical size, and what its values mean."""

    path: OverlayPath = Field(
        description="template over the slide's path with {dir} {name} {stem} {suffix}, which stays in the folders of"
        " the slides or in the one that it begins with; or {match: regex, replace: text} applied to the slide's path;"
        " or {column: name} of the manifest"
    )
    classes: Annotated[dict[ColumnName, OverlayValues], BeforeValidator(refuse_yaml_bool)] = Field(
        default_factory=dict, description="column name -> overlay values, such as {tumor: [1, 2], stroma: [3]}"
    )
    missing: Annotated[
        Literal["fail", "null", "zero"] | None, AfterValidator(lambda value: "null" if value is None else value)
    ] = Field("fail", description="a slide without this overlay is put aside (fail), or its classes are null, or zero")
    mpp: Resolution | None = Field(
        None, description="resolution of the overlay's level 0 instead of what its file says"
    )


class CoverageConfig(_Section):
    """Which slides to tile, and how much of each tile its overlays cover."""

    slides: Annotated[
        PathText | list[PathText],
        Field(min_length=1),
        expecting("a path, or a list of at least one"),
        AfterValidator(require_file_system),
    ] = Field(
        description="folder (searched recursively), glob, file, a list of these, or a manifest .csv or .parquet with a"
        " column path and, if slides need it, mpp"
    )
    exclude: list[PathText] = Field(
        default_factory=list,
        description="globs of files that are no slides: over the name, or with a / over the path or its end",
    )
    output: PathText = Field(
        description="folder of the tables, or a URI such as s3://bucket/prefix?region=eu-central-1; may exist"
    )
    tiling: Tiling = Field(description="how slides are cut into tiles")
    slide_mpp: Resolution | None = Field(
        None,
        description="resolution of level 0 of every slide instead of what the files say, µm per pixel; the mpp of a"
        " manifest's row wins",
    )
    roi: Annotated[
        tuple[Number, Number, Number, Number] | str | None,
        expecting("null, [minx, miny, maxx, maxy] or WKT"),
        AfterValidator(check_roi),
    ] = Field(
        None,
        description="part of the tile that is measured, in pixels relative to the tile: null for all of it,"
        " [minx, miny, maxx, maxy] or the WKT of a polygon",
    )
    overlays: dict[ColumnName, Overlay] = Field(min_length=1, description="what lies over the slides, by name")
    keep: str | None = Field(
        None, description="boolean expression over the classes, such as 'tissue >= 0.5'; null keeps all tiles"
    )
    changes: Literal["time", "content"] = Field(
        "time",
        description="how a file that was replaced is told from the one before: by size and time of change, or by its"
        " content, which reads all of it",
    )
    gone: Literal["keep", "drop"] = Field(
        "keep", description="rows of slides that were there in an earlier run and are not found any more"
    )
    previews: bool = Field(
        default=True, description="draw a picture of each slide, and write index.html, which shows them all"
    )
    force: bool = Field(default=False, description="compute everything anew, also what is there and would be the same")
    resources: Resources = Field(Resources(), description="what a Ray task of each step asks its node for")
    tolerate: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0, lt=1)],
        BeforeValidator(refuse_ambiguous_one),
        expecting("a number of slides such as 3, or a share below 1 such as 0.01"),
    ] = Field(0, description="slides that may be put aside before the run counts as failed: a number, or a share < 1")

    @field_validator("overlays")
    @classmethod
    def _distinct_columns(cls, overlays: dict[str, Overlay]) -> dict[str, Overlay]:
        taken = {name.lower(): "a column of every table of tiles" for name in TILE_COLUMNS}
        for name, overlay in overlays.items():
            own = OverlayColumns(name, (), overlay.missing or "null").own
            for kind, column in [*(("column", c) for c in own), *(("class", c) for c in overlay.classes)]:
                what = f"{kind} {column} of overlay {name}"
                if column.lower() in taken:  # databases do not tell Tissue from tissue
                    raise ValueError(f"{what} is already {taken[column.lower()]}; rename one of them")
                taken[column.lower()] = what
        return overlays

    @field_validator("keep")
    @classmethod
    def _is_expression(cls, keep: str | None, info: ValidationInfo) -> str | None:
        if keep is not None and "overlays" in info.data:
            keep_expression(keep, _classes(info.data["overlays"]))
        return keep

    @property
    def label(self) -> str:
        """What a run with it covers, in a few words: the name of the run."""
        first, *others = self.slide_entries
        tiling, extent = self.tiling, self.tiling.extent
        parts = [
            os.path.basename(first.rstrip("/")) or first,
            *([f"and-{len(others)}-more"] if others else []),
            f"level-{tiling.level}" if tiling.mpp is None else f"{tiling.mpp:g}-mpp",
            f"{extent.width}x{extent.height}",
        ]
        return "-".join(parts)

    @property
    def slide_entries(self) -> list[str]:
        """What names the slides, one or several."""
        return [self.slides] if isinstance(self.slides, str) else self.slides

    @property
    def slide_folders(self) -> list[str]:
        """The folders that the slides are named by, each once; looked up on the disk."""
        return sorted({folder_named_by(entry) for entry in self.slide_entries})

    @property
    def classes(self) -> list[str]:
        """The columns that `keep` may name."""
        return _classes(self.overlays)

    @property
    def manifest_columns(self) -> dict[str, str]:
        """Columns of the manifest that hold overlay paths, by overlay."""
        return {name: o.path.column for name, o in self.overlays.items() if isinstance(o.path, Column)}

    @property
    def overlay_columns(self) -> tuple[OverlayColumns, ...]:
        """What the tables hold of each overlay."""
        return tuple(OverlayColumns(name, tuple(o.classes), o.missing or "null") for name, o in self.overlays.items())

    @property
    def region(self) -> Roi:
        """The region of interest of every tile."""
        extent = self.tiling.extent
        return parse_roi((0, 0, extent.width, extent.height) if self.roi is None else self.roi)

    def may_put_aside(self, found: int) -> float:
        """How many of the slides found may be put aside before the run counts as failed."""
        return self.tolerate if isinstance(self.tolerate, int) else float(Fraction(str(self.tolerate)) * found)


def _classes(overlays: Mapping[str, Overlay]) -> list[str]:
    return [name for overlay in overlays.values() for name in overlay.classes]


def _pair(pixels: int | tuple[int, int]) -> Extent:
    return Extent(pixels, pixels) if isinstance(pixels, int) else Extent(*pixels)
