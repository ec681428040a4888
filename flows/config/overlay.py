"""Section of an overlay: its file, its classes, and the options of an annotation."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from flows.config.fields import (
    ColumnName,
    LabelList,
    LevelIndex,
    Number,
    OverlayValues,
    RoiValue,
    StatisticList,
    expecting,
    plain_number,
    refuse_yaml_bool,
)
from flows.config.overlay_mpp import MppColumn, OverlayMpp
from flows.config.overlay_path import OverlayPath
from flows.config.section import Section
from ratiopath.annotations.outlines import Format, LabelFrom, ReadOptions
from ratiopath.annotations.placement import FrameOptions
from ratiopath.counting.wanted import LabelPattern, Wanted, wanted_value
from ratiopath.geometry import Mpp
from ratiopath.overlays import AnnotationOptions, OverlaySettings, TissueSettings
from ratiopath.overlays.alignment import Align
from ratiopath.overlays.overlay import Counting
from ratiopath.overlays.polygons.regions import RegionOptions
from ratiopath.statistics.results import Scale
from ratiopath.statistics.statistic import Statistic
from ratiopath.tissue.detector import VERSION, Detector, Pen
from schemas.columns import OverlayColumns

MAX_NAME = 1000
"""Characters of the name of a column in an annotation file."""
MAX_CLASSES = 1000
"""Classes of an overlay, each a column of every table."""
MEASURING = {"counting", "uncertainty", "dominant"}
"""Options of shares."""
_OF_ANNOTATIONS = {"count", *(one.name for kind in (ReadOptions, FrameOptions, RegionOptions) for one in fields(kind))}
"""Fields that only annotations have, by the names of the library."""


class Overlay(Section):
    """An image or an annotation over the slide, with the classes of its values or labels."""

    path: OverlayPath | None = Field(
        None,
        description="template over the slide's path with {dir} {name} {stem} {suffix}, confined to the slide folders or"
        " to the folder at its beginning; or {match: regex, replace: text} applied to the slide's path; or"
        " {column: name} of the manifest; give path or detect",
    )
    detect: Detector | None = Field(
        None,
        description="detector of tissue in the slide itself, instead of a path: its mask is written to the folder"
        " tissue of the output, with the value 1 where tissue is; one overlay may have it",
    )
    pen: Pen = Field(
        "keep", description="treatment of marks of a pen by detect: drop leaves out hues that no stain has"
    )
    classes: Annotated[dict[ColumnName, OverlayValues], BeforeValidator(refuse_yaml_bool)] = Field(
        default_factory=dict,
        max_length=MAX_CLASSES,
        description="column name -> values of an image, such as {tumor: [1, 2], stroma: ['128..255']}, or labels of an"
        " annotation, such as {tumor: [Tumor, {match: 'Tumor: .*'}]}; \"<unclassified>\" names outlines without label;"
        " of detect by default {NAME: [1]}",
    )
    missing: Annotated[
        Literal["fail", "null", "zero"] | None, AfterValidator(lambda value: "null" if value is None else value)
    ] = Field(
        "fail",
        description="treatment of a slide without this overlay: it is a failed slide, or its classes are null or zero",
    )
    mpp: OverlayMpp | None = Field(
        None,
        description="resolution of an image's level 0, µm per pixel, one number, [x, y], or {column: name} of the"
        " manifest; overrides the file's",
    )
    align: Align = Field(
        "auto",
        description="place of an image on the slide: by resolution (mpp), over the whole slide (extent) or over its"
        " scanned bounding box (bounds); auto takes mpp or extent, and refuses an image that fits neither",
    )
    roi: RoiValue = Field(
        None,
        description="region of interest of this overlay in pixels relative to the tile, such as the central half; null"
        " takes the roi of all overlays",
    )
    dominant: bool = Field(
        default=False, description="add a column NAME_dominant: the class with the greatest share of each tile"
    )
    counting: Counting = Field(
        "centre",
        description="rule for an image's pixels at the edge of the ROI: centre rounds the ROI to whole pixels; area"
        " counts each pixel by its part inside. Annotations are always measured by area",
    )
    uncertainty: bool = Field(
        default=False,
        description="add a column NAME_uncertainty: bound of the error that an image's pixels put into a tile's shares",
    )
    format: Format | None = Field(
        None, description="format of an annotation to insist on; null recognises it by the file's content"
    )
    ignore: LabelList | None = Field(
        None, description="labels of areas that do not exist, such as artefacts; null takes the labels that end in *"
    )
    within: LabelList = Field(
        default_factory=list, description="labels of the areas that were annotated: nothing is known elsewhere"
    )
    on_top: LabelList = Field(
        default_factory=list,
        description="labels in the order they are painted, the last on top: classes become disjoint; empty lets each"
        " class count by itself",
    )
    fill: Literal["union", "evenodd"] = Field(
        "union", description="area of outlines of one label that overlap: all of it, or only what an odd number covers"
    )
    origin: Annotated[
        Literal["level0", "bounds", "halo"] | tuple[Number, Number] | None,
        expecting("null, level0, bounds, halo or [x, y]"),
    ] = Field(
        None,
        description="origin of the coordinates of an annotation: the corner of level 0, of the scanned bounding box,"
        " HALO's, or a point [x, y] in pixels of level 0; required where a slide has a bounding box",
    )
    unit: Literal["px", "um", "mm", "nm"] = Field("px", description="unit of the coordinates of an annotation")
    level: LevelIndex = Field(0, description="level in whose pixels an annotation was drawn")
    y: Literal["down", "up"] = Field("down", description="direction of y in an annotation")
    label_from: LabelFrom = Field(
        "auto", description="source of the labels of ImageScope files; auto takes the first that is not empty"
    )
    part: Literal["cell", "nucleus"] = Field("cell", description="outline of a QuPath cell that is measured")
    geometry: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] = Field(
        "geometry", description="column of WKT or WKB in a CSV or Parquet file"
    )
    label: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] = Field(
        "label", description="column of labels in a CSV or Parquet file"
    )
    count: bool = Field(
        default=False,
        description="add a column NAME_count, and CLASS_count of each class: outlines whose centroid lies in the tile"
        " and in what exists",
    )

    stats: StatisticList = Field(
        default_factory=list,
        description="statistics of a heat map, in columns NAME_mean, NAME_q95, NAME_share_ge_0_5: mean, min, max, std,"
        " quantiles in percent such as q95, and shares such as 'share>=0.5'; beside classes or instead of them",
    )
    scale: Annotated[tuple[Number, Number] | None, expecting("null or [low, high]")] = Field(
        None,
        description="numbers of a heat map that stand for 0 and 1, such as [0, 255]; stats are on this scale",
    )
    measurement: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = Field(
        None, description="measurement of the objects in GeoJSON, or data set in HDF5, that stats sum up"
    )
    patch_size: Annotated[float, Field(gt=0), BeforeValidator(plain_number)] | None = Field(
        None, description="side of the patches in HDF5 in pixels of level 0; null takes what the file says"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.detect is None):
            if self.path is None:
                raise ValueError("found neither path nor detect; give the path of the files, or detect: saturation")
            raise ValueError("found both path and detect; remove one of them")
        if self.detect is None and self.pen != "keep":
            raise ValueError(f"found pen {self.pen} without detect; remove it")
        others = [*self.model_dump(include={"missing", "mpp"}, exclude_defaults=True), *self.annotation_options]
        if self.detect is not None and others:
            raise ValueError(f"found {', '.join(others)} beside detect, whose mask is made from the slide; remove it")
        return self

    @model_validator(mode="after")
    def _stats_fit(self) -> Self:
        """Refuse options of a heat map without stats, and numbers in place of the labels that classes name."""
        options = [name for name in ("scale", "measurement", "patch_size") if getattr(self, name) is not None]
        if options and not self.stats:
            raise ValueError(f"found {options[0]} without stats; give stats such as [mean, q95]")
        has_classes = bool(self.classes) or self.detect is not None  # detect has one by default
        if self.uncertainty and self.stats and not has_classes:
            raise ValueError("found uncertainty, a bound for shares, with stats and no classes; remove it")
        if self.measurement is not None and self.classes:
            raise ValueError("found measurement and classes; give each an overlay of its own, with the same path")
        if self.scale is not None:
            Scale(*self.scale)
        if self.dominant and not has_classes:
            raise ValueError("found dominant: true without classes to compare; name some in classes, or remove it")
        return self

    def columns(self, name: str) -> OverlayColumns:
        """Return the columns of the overlay in the tables.

        Args:
            name: Name of the overlay.
        """
        statistics = tuple(one.column for one in self.statistics)
        return OverlayColumns(
            name,
            tuple(self.classes),
            self.missing or "null",
            self.count,
            statistics,
            has_uncertainty=self.uncertainty,
            has_dominant=self.dominant,
        )

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """Statistics, on the scale."""
        return tuple(Statistic.parse(text) for text in self.stats)

    @property
    def statistics_options(self) -> dict[str, Any]:
        """Statistics and scale in canonical form; empty if there are none."""
        return self.model_dump(mode="json", include={"stats", "scale"}, exclude_defaults=True)

    @property
    def annotation_options(self) -> dict[str, Any]:
        """Options of an annotation that differ from their defaults, in canonical form."""
        return self.model_dump(mode="json", include=_OF_ANNOTATIONS, exclude_defaults=True)

    @property
    def tissue(self) -> TissueSettings | None:
        """Options of the detector; None if the overlay is a file."""
        return None if self.detect is None else TissueSettings(self.detect, self.pen)

    @property
    def detector(self) -> dict[str, Any]:
        """All that decides a mask besides the slide, in canonical form; empty if the overlay is a file."""
        return {} if self.detect is None else {"detect": self.detect, "pen": self.pen, "version": VERSION}

    @property
    def measuring_options(self) -> dict[str, Any]:
        """Options of measuring any overlay that differ from their defaults, in canonical form."""
        return self.model_dump(mode="json", include=MEASURING, exclude_defaults=True)

    @property
    def given_mpp(self) -> Mpp | None:
        """Resolution of every image, if it is no column of the manifest."""
        return None if isinstance(self.mpp, MppColumn) else Mpp.optional(self.mpp)

    @property
    def image_options(self) -> dict[str, Any]:
        """Options of an image, in canonical form; cells of the manifest are inputs of a slide."""
        mpp = self.given_mpp
        return {"mpp": None if mpp is None else [mpp.x, mpp.y], "align": self.align}

    def labels_of(self, name: str) -> tuple[Wanted, ...]:
        """Return the values or labels of a class."""
        return _wanted(self.classes[name])

    def settings(self, mpp: float | None = None) -> OverlaySettings:
        """Return the library's settings.

        Args:
            mpp: The manifest's cell in the column `mpp`, µm/px.
        """
        columns = self.geometry, self.label
        reading = ReadOptions(self.format, self.label_from, self.part, *columns, self.measurement, self.patch_size)
        frame = FrameOptions(self.origin, self.unit, self.level, self.y)
        named = tuple(label for name in self.classes for label in self.labels_of(name))
        ignore = None if self.ignore is None else _wanted(self.ignore)
        regions = RegionOptions(self.fill, _wanted(self.within), ignore, _wanted(self.on_top), named)
        given = self.given_mpp if mpp is None else Mpp.of(mpp)
        return OverlaySettings(given, AnnotationOptions(reading, frame, regions), self.counting, self.align)


def _wanted(labels: Iterable[int | float | str | LabelPattern]) -> tuple[Wanted, ...]:
    return tuple(label if isinstance(label, LabelPattern) else wanted_value(str(label)) for label in labels)
