"""`CoverageConfig`: the one definition behind the YAML file, the command line and the form of a deployment."""

import keyword
import math
import os
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

import shapely
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from flows.keep import keep_expression
from flows.resources import Resources
from flows.template import Column, OverlayPath, folder_named_by
from flows.uri import refuse_uri
from ratiopath.errors import RoiError
from ratiopath.geometry import Extent
from ratiopath.roi import Roi
from schemas.names import TILE_COLUMNS, OverlayColumns


def _expected(what: str) -> WrapValidator:
    """Whatever is wrong inside a union becomes one problem that says what is expected."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            if not isinstance(value, bool):  # which pydantic would take for 0 and 1
                return handler(value)
        except ValidationError:
            pass
        raise ValueError(f"found {value!r}; give {what}")

    return WrapValidator(check)


def _no_flag(value: Any) -> Any:
    """A number that is asked for is not true or false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"found {value!r}; give a number such as 1 or 0.5")  # noqa: TRY004 - what pydantic collects
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError(f"a path has no NUL character, found {value!r}; remove it")
    return value


def _no_yaml_word(named: Any) -> Any:
    """What is given by name, if YAML has not taken a name for a truth value."""
    for name in named if isinstance(named, dict) else ():
        if isinstance(name, bool):
            remedy = "put it in quotes: YAML takes yes, no, on, off, true and false for a truth value"
            raise ValueError(f"{name!r} is no name; {remedy}")  # noqa: TRY004 - what pydantic collects
    return named


def _whole_or_share(value: Any) -> Any:
    """1.0 could mean one slide, or all of them."""
    if (isinstance(value, float) and value == 1) or (isinstance(value, str) and "." in value and float(value) == 1):
        raise ValueError(f"found {value!r}")
    return value


def _on_file_system(slides: str | list[str]) -> str | list[str]:
    for entry in [slides] if isinstance(slides, str) else slides:
        refuse_uri(entry)
    return slides


def _column_name(name: str) -> str:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} names a column; use letters, digits and _, not first a digit, and no word of Python"
        )
    return name


def _overlay_value(value: Any) -> str:
    """The name of an overlay value: true and 1.0 are "1", the grey colour "7,7,7" is "7".

    Raises:
        ValueError: It is neither a finite number nor numbers separated by commas.
    """
    parts = value.split(",") if isinstance(value, str) else [value]
    try:
        numbers = [float(part) for part in parts]
        names = [str(int(n)) if n.is_integer() else str(n) for n in numbers if math.isfinite(n)]
    except (TypeError, ValueError):
        names = []
    if len(names) != len(parts):
        raise ValueError(f"found {value!r}; give a number such as 255, or a colour such as '255,0,0'")
    return names[0] if len(set(names)) == 1 else ",".join(names)


def _box_or_wkt(roi: tuple[float, float, float, float] | str | None) -> tuple[float, float, float, float] | str | None:
    if roi is not None:
        try:
            _roi(roi)
        except shapely.errors.GEOSException as error:
            raise ValueError(
                f"{roi!r} is no WKT: {error}; write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            ) from None
        except RoiError as error:
            raise ValueError(str(error)) from None
    return roi


def _roi(roi: tuple[float, float, float, float] | str) -> Roi:
    if isinstance(roi, str):
        shape = shapely.from_wkt(roi)
        if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon):
            remedy = "write such as 'POLYGON ((0 0, 512 0, 0 512, 0 0))'"
            raise RoiError(f"the ROI is a POLYGON or MULTIPOLYGON: found {shape.geom_type.upper()}; {remedy}")
        return Roi(shape)
    minx, miny, maxx, maxy = roi
    if not (minx < maxx and miny < maxy):
        raise RoiError(f"the ROI's box has an area: found {list(roi)}; give [minx, miny, maxx, maxy] with min < max")
    return Roi(shapely.box(minx, miny, maxx, maxy))


PathText = Annotated[str, Field(min_length=1), AfterValidator(_without_nul), AfterValidator(os.path.expanduser)]
ColumnName = Annotated[str, AfterValidator(_column_name)]
Number = Annotated[float, BeforeValidator(_no_flag)]
Pixels = Annotated[int, Field(gt=0), BeforeValidator(_no_flag)]  # in this order the schema knows the limit
PixelPair = Annotated[
    Pixels | tuple[Pixels, Pixels], _expected("a whole number of pixels > 0, or two of them as [x, y]")
]
Resolution = Annotated[float, Field(gt=0), BeforeValidator(_no_flag)]
OverlayValues = Annotated[
    list[Annotated[int | float | str, BeforeValidator(_overlay_value)]],
    Field(min_length=1),
    BeforeValidator(lambda values: values if isinstance(values, list | tuple) else [values]),
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Tiling(_Section):
    """How slides are cut into tiles."""

    mpp: Resolution | None = Field(None, description="tile the level closest to this µm per pixel; this or level")
    level: Annotated[int, Field(ge=0), BeforeValidator(_no_flag)] | None = Field(
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
    classes: Annotated[dict[ColumnName, OverlayValues], BeforeValidator(_no_yaml_word)] = Field(
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
        _expected("a path, or a list of at least one"),
        AfterValidator(_on_file_system),
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
        _expected("null, [minx, miny, maxx, maxy] or WKT"),
        AfterValidator(_box_or_wkt),
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
        BeforeValidator(_whole_or_share),
        _expected("a number of slides such as 3, or a share below 1 such as 0.01"),
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
        return _roi((0, 0, extent.width, extent.height) if self.roi is None else self.roi)

    def may_put_aside(self, found: int) -> float:
        """How many of the slides found may be put aside before the run counts as failed."""
        return self.tolerate if isinstance(self.tolerate, int) else float(Fraction(str(self.tolerate)) * found)


def _classes(overlays: Mapping[str, Overlay]) -> list[str]:
    return [name for overlay in overlays.values() for name in overlay.classes]


def _pair(pixels: int | tuple[int, int]) -> Extent:
    return Extent(pixels, pixels) if isinstance(pixels, int) else Extent(*pixels)
