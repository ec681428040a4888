"""`CoverageConfig`: the single definition behind the YAML file, the command line and a deployment's form."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

import shapely.affinity
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from flows.config.errors import refusal
from flows.config.export_settings import ExportSettings, FormatName, TileColumns, check_export
from flows.config.fields import (
    ColumnName,
    ExcludePattern,
    MppValue,
    PathText,
    RoiValue,
    check_entries,
    expecting,
    parse_roi,
    refuse_ambiguous_one,
    refuse_yaml_bool,
)
from flows.config.keep_expression import KeepNames, keep_expression
from flows.config.overlay import Overlay
from flows.config.overlay_mpp import MppColumn
from flows.config.overlay_path import Column
from flows.config.resources import Resources
from flows.config.section import Section
from flows.config.tiling import Tiling
from flows.config.uri import check_output, refuse_credentials_in
from ratiopath.geometry import Extent
from ratiopath.remote.names import absolute, name_of
from ratiopath.roi import Roi
from ratiopath.slides.paths import folder_named_by
from schemas.columns import LEVEL0_COLUMNS, SLIDE_COLUMNS, TILE_COLUMNS, OverlayColumns

MAX_SLIDES = 1_000_000_000
"""Largest number of slides that a setting may name."""
MAX_PATTERNS = 1000
"""Patterns of `exclude`."""
MAX_COLUMNS = 100
"""Columns of a manifest that go through to the tables."""
MAX_OVERLAYS = 100
"""Overlays, each at least three columns of every table."""
ManifestKind = Literal["text", "integer", "number", "boolean"]
"""Kind of a column of a manifest."""


class CoverageConfig(Section):
    """Settings of a coverage run: slides, tiling, overlays, filter and output."""

    model_config = ConfigDict(json_schema_extra=refuse_credentials_in)

    slides: Annotated[
        PathText | list[PathText],
        Field(min_length=1),
        expecting("a path, or a list of at least one"),
        AfterValidator(check_entries),
    ] = Field(
        description="folder (searched recursively), glob, file, a list of these, or a manifest .csv or .parquet with a"
        " column path and optionally mpp; each a path, or a URI such as s3://bucket/slides?region=eu-central-1"
    )
    exclude: list[ExcludePattern] = Field(
        default_factory=list,
        max_length=MAX_PATTERNS,
        description="gitignore patterns of files that are not slides, such as *_mask.tiff or old/, relative to the"
        " folders in slides; a later !pattern takes files back in",
    )
    output: Annotated[PathText, AfterValidator(check_output)] = Field(
        description="output folder, may exist; or a URI such as s3://bucket/prefix?region=eu-central-1"
    )
    tiling: Tiling = Field(description="level, size and stride of the tiles")
    slide_mpp: MppValue | None = Field(
        None,
        description="resolution of level 0 of every slide, µm per pixel; overrides the files', and is overridden by the"
        " mpp of a manifest's row",
    )
    roi: RoiValue = Field(
        None,
        description="region of interest in pixels relative to the tile: null for the whole tile,"
        " [minx, miny, maxx, maxy], or the WKT of a polygon",
    )
    overlays: Annotated[dict[ColumnName, Overlay], BeforeValidator(refuse_yaml_bool)] = Field(
        min_length=1, max_length=MAX_OVERLAYS, description="overlays by name, at least one"
    )
    columns: Annotated[
        list[ColumnName] | dict[ColumnName, ManifestKind],
        Field(max_length=MAX_COLUMNS),
        expecting("names of columns, or a mapping of names to text, integer, number or boolean"),
    ] = Field(
        default_factory=list,
        description="columns of the manifest that go through to slides.parquet, tiles/ and keep, such as patient, label"
        " and fold; their types are found in the cells, or given as {fold: text}",
    )
    keep: str | None = Field(
        None,
        description="filter expression over the classes, and NAME_inside and statistics of each overlay, such as"
        " 'tissue >= 0.5'; also over `columns`; null keeps all tiles",
    )
    changes: Literal["time", "content"] = Field(
        "time",
        description="detection of changed files: by size and modification time, on a store by size and ETag or time; or"
        " by a hash of the content, which reads every file in full",
    )
    gone: Literal["keep", "drop"] = Field(
        "keep", description="treatment of rows of slides that earlier runs found and this one does not"
    )
    subfolders_from: Annotated[int, Field(ge=1, le=MAX_SLIDES)] = Field(
        50_000,
        description="number of slides found from which on coverage/, tiles/, previews/ and tissue/ have subfolders,"
        " such as 3f/; an output keeps them",
    )
    exports: dict[FormatName, ExportSettings] = Field(
        default_factory=dict, description="formats of other programs that tiles/ is written in after each run"
    )
    previews: bool = Field(
        default=True, description="draw a picture of each slide, and index.html with all of them; false removes them"
    )
    force: bool = Field(default=False, description="recompute every slide, even if its files are current")
    strict: bool = Field(
        default=False, description="count the run as failed if a class matches nothing or slides are to be reviewed"
    )
    resources: Resources = Field(Resources(), description="CPUs and memory that Ray tasks reserve, by step")
    tolerate: Annotated[
        Annotated[int, Field(ge=0, le=MAX_SLIDES)] | Annotated[float, Field(ge=0, lt=1)],
        BeforeValidator(refuse_ambiguous_one),
        expecting("a number of slides such as 3, or a share below 1 such as 0.01"),
    ] = Field(0, description="failed slides that a successful run may have: a number, or a share < 1")

    @model_validator(mode="wrap")
    @classmethod
    def _in_own_words(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Raise a ConfigurationError wherever a model is made: pydantic's own error repeats the values."""
        try:
            return handler(value)
        except ValidationError as error:
            refused = refusal(error, cls)
        raise refused

    @field_validator("overlays")
    @classmethod
    def _one_detector(cls, overlays: dict[str, Overlay]) -> dict[str, Overlay]:
        found = [name for name, overlay in overlays.items() if overlay.detect]
        if len(found) > 1:
            raise ValueError(f"{' and '.join(found)} have detect, and a slide has one mask; give the others a path")
        default = {name: overlays[name].model_copy(update={"classes": {name: [1]}}) for name in found}
        return {name: overlay if overlay.classes else default.get(name, overlay) for name, overlay in overlays.items()}

    @field_validator("overlays")
    @classmethod
    def _distinct_columns(cls, overlays: dict[str, Overlay]) -> dict[str, Overlay]:
        taken = {name.lower(): "a column of every tile table" for name in (*TILE_COLUMNS, *LEVEL0_COLUMNS)}
        for name, overlay in overlays.items():
            own = [("column", column) for column in overlay.columns(name).own]
            for kind, column in (*own, *(("class", column) for column in overlay.classes)):
                what = f"{kind} {column} of overlay {name}"
                if column.lower() in taken:  # column names in databases ignore case
                    raise ValueError(f"{what} has the same name as {taken[column.lower()]}; rename one of them")
                taken[column.lower()] = what
        return overlays

    @field_validator("columns")
    @classmethod
    def _free_names(
        cls, columns: list[str] | dict[str, ManifestKind], info: ValidationInfo
    ) -> list[str] | dict[str, ManifestKind]:
        overlays: dict[str, Overlay] = info.data.get("overlays", {})
        taken = {name.lower() for name in (*TILE_COLUMNS, *LEVEL0_COLUMNS, *SLIDE_COLUMNS)}
        for name, overlay in overlays.items():
            taken.update(column.lower() for column in (*overlay.columns(name).own, *overlay.classes))
        for column in columns:
            if column.lower() in taken:  # or named twice
                raise ValueError(f"{column} has the same name as another column of the tables; rename it")
            taken.add(column.lower())
        return columns

    @field_validator("keep")
    @classmethod
    def _is_expression(cls, keep: str | None, info: ValidationInfo) -> str | None:
        if keep is not None and {"overlays", "columns"} <= info.data.keys():
            keep_expression(keep, _keep_names(info.data["overlays"], info.data["columns"]))
        return keep

    @field_validator("exports")
    @classmethod
    def _fit_the_tables(
        cls, exports: dict[FormatName, ExportSettings], info: ValidationInfo
    ) -> dict[FormatName, ExportSettings]:
        if not {"overlays", "columns"} <= info.data.keys():
            return exports
        overlays: dict[str, Overlay] = info.data["overlays"]
        manifest = _keep_names({}, info.data["columns"])
        columns = TileColumns.of([overlay.columns(name) for name, overlay in overlays.items()], manifest)
        folders: dict[str, str] = {}
        for name, settings in exports.items():
            try:
                check_export(name, settings, columns)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if settings.to is not None and folders.setdefault(settings.to, name) != name:
                raise ValueError(f"{folders[settings.to]} and {name} have the same folder; set another `to` for one")
        return exports

    @property
    def label(self) -> str:
        """Name of a run: its slides, level and tile size."""
        first, *others = self.slide_entries
        tiling, extent = self.tiling, self.tiling.extent
        parts = [
            name_of(absolute(first)) or first,
            *([f"and-{len(others)}-more"] if others else []),
            f"level-{tiling.level}" if tiling.mpp is None else f"{tiling.mpp:g}-mpp",
            f"{extent.width}x{extent.height}",
        ]
        return "-".join(parts)

    @property
    def slide_entries(self) -> list[str]:
        """Entries of `slides`, always as a list."""
        return [self.slides] if isinstance(self.slides, str) else self.slides

    @property
    def slide_folders(self) -> list[str]:
        """Folders of the entries of `slides`, sorted, each once; looked up on the disk."""
        return sorted({folder_named_by(entry) for entry in self.slide_entries})

    @property
    def classes(self) -> list[str]:
        """Class columns, in the order of the overlays."""
        return [name for overlay in self.overlays.values() for name in overlay.classes]

    @property
    def keep_names(self) -> KeepNames:
        """Columns that `keep` may name."""
        return _keep_names(self.overlays, self.columns)

    @property
    def column_kinds(self) -> dict[str, ManifestKind]:
        """Kind of each column of the manifest that goes through.

        Raises:
            TypeError: They are not known yet; see `flows.inputs.discovery.with_column_kinds`.
        """
        if self.columns and isinstance(self.columns, list):
            raise TypeError(f"the kinds of {', '.join(self.columns)} are not known yet")
        return dict(self.columns) if isinstance(self.columns, dict) else {}

    @property
    def manifest_names(self) -> KeepNames:
        """Columns of the manifest that expressions may name."""
        return _keep_names({}, self.columns)

    @property
    def manifest_columns(self) -> dict[str, str]:
        """Manifest column with the path of each overlay that has one."""
        return {name: o.path.column for name, o in self.overlays.items() if isinstance(o.path, Column)}

    @property
    def detected(self) -> Overlay | None:
        """The overlay whose mask is made from the slide; None if all are files."""
        return next((overlay for overlay in self.overlays.values() if overlay.detect), None)

    @property
    def mpp_columns(self) -> dict[str, str]:
        """Manifest column with the resolution of each overlay that has one."""
        return {name: o.mpp.column for name, o in self.overlays.items() if isinstance(o.mpp, MppColumn)}

    @property
    def overlay_columns(self) -> tuple[OverlayColumns, ...]:
        """Columns of each overlay in the tables."""
        return tuple(overlay.columns(name) for name, overlay in self.overlays.items())

    def region(self, overlay: str | None = None) -> Roi:
        """Return the region of interest of a tile of `tiling.tile_extent`.

        Args:
            overlay: Name of an overlay, which may have its own; None for that of the others.
        """
        extent = self.tiling.extent
        own = None if overlay is None else self.overlays[overlay].roi
        roi = self.roi if own is None else own
        return parse_roi((0, 0, extent.width, extent.height) if roi is None else roi)

    def region_of(self, tile: Extent, overlay: str | None = None) -> Roi:
        """Return the region of interest of a tile of that size: with `tiling.resolution: exact` sizes differ.

        Args:
            tile: Size of the slide's tiles, px of its level.
            overlay: Name of an overlay, which may have its own; None for that of the others.
        """
        extent, region = self.tiling.extent, self.region(overlay)
        if tile == extent:
            return region
        scale = tile.width / extent.width, tile.height / extent.height
        return Roi(shapely.affinity.scale(region.polygon, *scale, origin=(0, 0)))

    def may_put_aside(self, found: int) -> float:
        """Return the number of failed slides that the run tolerates, not rounded.

        Args:
            found: Slides found.
        """
        return self.tolerate if isinstance(self.tolerate, int) else float(Fraction(str(self.tolerate)) * found)


def _keep_names(overlays: Mapping[str, Overlay], manifest: list[str] | dict[str, ManifestKind]) -> KeepNames:
    columns = [overlay.columns(name) for name, overlay in overlays.items()]
    kinds = dict.fromkeys(manifest) if isinstance(manifest, list) else manifest  # None is not known yet
    shares = {name for one in columns for name in (*one.classes, one.inside, *one.measured)}
    numbers = {name for one in columns for name in one.numbers}
    return KeepNames(
        shares=frozenset(shares - numbers),
        numbers=frozenset(numbers | {name for name, kind in kinds.items() if kind in {None, "integer", "number"}}),
        texts=frozenset(name for name, kind in kinds.items() if kind in {None, "text"}),
        flags=frozenset(name for name, kind in kinds.items() if kind in {None, "boolean"}),
        refused=frozenset(name for one in columns for name in one.dominant),
    )
