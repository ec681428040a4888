"""Inspection of one file: what the readers see in a slide, a mask, a picture or an annotation, and what is wrong."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from flows.analysis.pixel_values import PixelValues, count_values
from flows.reports.shown_text import escaped
from ratiopath.annotations import Annotations, is_annotation, read_outlines
from ratiopath.annotations.outlines import Outlines
from ratiopath.annotations.placement import FrameOptions, place
from ratiopath.errors import SlideError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Mpp
from ratiopath.overlays.alignment import Alignment, align_raster
from ratiopath.overlays.fit import RasterFrame
from ratiopath.pyramid import Level
from ratiopath.slides import SlideReader, open_slide
from ratiopath.slides.frame import read_frame
from ratiopath.slides.reader import NO_MPP
from ratiopath.slides.traits import FileTraits

MAX_VALUES = 20
"""Values or labels in the lines for people; the JSON has all."""
MM2_PER_UM2 = 1e-6
"""Square millimetres of a square micrometre."""


@dataclass(slots=True)
class Inspection:
    """Findings about one file."""

    path: str
    """The file."""
    lines: list[str] = field(default_factory=list)
    """Findings for people."""
    content: dict[str, Any] = field(default_factory=dict)
    """The same for programs."""
    defects: list[str] = field(default_factory=list)
    """Errors that a run would put the slide aside for."""

    @property
    def text(self) -> list[str]:
        """Lines for people: the file, and below it the findings, indented; without the defects.

        Names and labels are texts of others: a control character in them stands as an escape.
        """
        return [escaped(self.path), *(f"  {escaped(line)}" for line in self.lines)]

    def to_json(self) -> dict[str, Any]:
        """Return the findings for programs, defects last."""
        return {"path": self.path, **self.content, "defects": list(self.defects)}


def inspect_file(path: str, slide: str | None = None) -> Inspection:
    """Inspect an image or an annotation; what is wrong with it is a finding, not an error.

    Args:
        path: The file, recognised by its content.
        slide: Slide whose overlay the file may be; None to inspect it by itself.
    """
    found = Inspection(path)
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        frame = None
        if slide is not None:
            with _defects(found):
                frame = read_frame(slide)
        with _defects(found):
            if is_annotation(path):
                _inspect_annotation(path, frame, found)
            else:
                with open_slide(path) as reader:
                    _inspect_image(reader, frame, found)
    shown = list(dict.fromkeys(str(remark.message) for remark in remarks))
    found.lines += [f"remark: {remark}" for remark in shown]
    found.content["remarks"] = shown
    return found


@contextmanager
def _defects(found: Inspection) -> Iterator[None]:
    """Note the error of a file as a defect."""
    try:
        yield
    except (SlideError, OSError) as error:
        found.defects.append(str(error))


def _inspect_image(reader: SlideReader, frame: SlideFrame | None, found: Inspection) -> None:
    traits, levels = FileTraits.of(reader), reader.pyramid.levels
    found.content |= {
        "kind": "image",
        "reader": traits.reader,
        "levels": [_level(one) for one in levels],
        "mpp_source": traits.mpp_source,
        "dtype": str(reader.dtype),
        "channels": reader.channels,
        "has_palette": reader.palette is not None,
        "encoding": traits.encoding,
        "bounds": traits.bounds,
    }
    channels = f"{reader.channels} channel{'s' if reader.channels > 1 else ''} of {reader.dtype}"
    palette = "palette" if reader.palette is not None else None
    found.lines.append(f"image: {', '.join(filter(None, (traits.reader, channels, palette, traits.encoding)))}")
    for one in levels:
        downsample = _pair(one.downsample_x, one.downsample_y)
        found.lines.append(f"level {one.index}: {_size(one)} px, downsample {downsample}, {_resolution(one.mpp)}")
    found.lines.append(f"resolution: {traits.mpp_source or f'none ({NO_MPP})'}")
    if traits.bounds is not None:
        left, top, width, height = traits.bounds
        found.lines.append(f"scanned box: {width:,} x {height:,} px at ({left:,}, {top:,}) of level 0")
    with _defects(found):
        values = count_values(reader)
        _add_values(values, found)
        if traits.is_jpeg and reader.channels == 1 and values.counts is not None and len(values.counts) > 1:
            warnings.warn("JPEG changes pixels: at borders of labels there are other values", stacklevel=1)
    if frame is not None:
        with _defects(found):
            level0 = levels[0]
            alignment = align_raster(RasterFrame(reader.path, level0.extent, level0.mpp), frame)
            _add_alignment(alignment, frame, found)


def _level(level: Level) -> dict[str, Any]:
    return {
        "extent": [level.extent.width, level.extent.height],
        "downsample": [level.downsample_x, level.downsample_y],
        "mpp": level.mpp and [level.mpp.x, level.mpp.y],
    }


def _add_values(values: PixelValues, found: Inspection) -> None:
    limits = [None if one is None or not math.isfinite(one) else one for one in (values.low, values.high)]
    found.content["values"] = {
        "level": values.level,
        "share_read": values.share,
        "pixels": values.pixels,
        "absent": values.absent,
        "counts": None if values.counts is None else dict(values.most_common),
        "range": limits,
    }
    place = f"at level {values.level}" + ("" if values.share == 1 else f", of {values.share:.2%} of its chunks")
    if not values.pixels:
        text = "none, no pixel exists"
    elif values.counts is None:
        limit = "" if values.low is None else f", from {values.low:g} to {values.high:g}"
        text = f"many{limit}: a picture or a heat map, not labels"
    else:
        text = _listed({name: f"{count / values.pixels:.2%}" for name, count in values.most_common})
    found.lines.append(f"values {place}: {text}")
    if values.absent:
        found.lines.append(f"pixels that do not exist there: {values.absent / (values.pixels + values.absent):.2%}")


def _add_alignment(alignment: Alignment, frame: SlideFrame, found: Inspection) -> None:
    found.content["fit"] = {
        "slide": frame.path,
        "case": alignment.case,
        "origin": list(alignment.origin),
        "downsample": list(alignment.downsample),
        "scale_by_resolution": alignment.scale and list(alignment.scale),
        "drift": alignment.drift and list(alignment.drift),
        "remark": alignment.remark,
    }
    drift = "" if alignment.drift is None else f", far edges {_pair(*alignment.drift)} px of level 0 apart"
    remark = "" if alignment.remark is None else f"; {alignment.remark}"
    found.lines.append(
        f"on {frame.path}: {alignment.case}, a pixel is {_pair(*alignment.downsample)} px of level 0 by the sizes"
        f"{drift}{remark}"
    )


def _inspect_annotation(path: str, frame: SlideFrame | None, found: Inspection) -> None:
    outlines = read_outlines(path)
    found.content |= {"kind": "annotation", "format": outlines.format, "outlines": len(outlines.labels)}
    found.lines.append(f"annotation: {outlines.format}, {_outlines(len(outlines.labels))}")
    placed = None
    if frame is not None:
        with _defects(found):
            placed = place(outlines, frame, FrameOptions())
    annotations = placed or Annotations.of(outlines)
    unit = "px" if placed is not None or outlines.frame == "pixels" else "nm"
    mpp = frame.mpp if frame is not None and placed is not None else None
    _add_labels(annotations, outlines, unit, mpp, found)
    if frame is not None and placed is not None:
        _add_place(placed, frame, found)


def _add_labels(annotations: Annotations, outlines: Outlines, unit: str, mpp: Mpp | None, found: Inspection) -> None:
    areas = shapely.area(annotations.polygons) if len(annotations) else np.zeros(0)
    labels = {}
    for index, label in enumerate(annotations.labels):
        of_label = annotations.label_index == index
        positive = of_label & ~annotations.is_negative
        area = float(areas[positive].sum())
        labels[label] = {
            "outlines": len(np.unique(annotations.outline[positive])),
            "negative": len(np.unique(annotations.outline[of_label & annotations.is_negative])),
            "area": area,
            "mm2": mpp and area * mpp.x * mpp.y * MM2_PER_UM2,
        }
    bounds = annotations.bounds.tolist() if len(annotations) else None
    found.content |= {
        "unit": unit,
        "labels": labels,
        "bounds": bounds,
        "repaired": annotations.repaired,
        "ignored": dict(annotations.ignored),
    }
    found.lines += [
        f"label {_named(label)}: {_measured(one, unit)}" for label, one in list(labels.items())[:MAX_VALUES]
    ]
    if len(labels) > MAX_VALUES:
        found.lines.append(f"and {len(labels) - MAX_VALUES:,} more labels")
    if bounds is not None:
        frame = "the centre of the physical slide" if outlines.frame != "pixels" and unit == "nm" else "the corner"
        found.lines.append(f"they span {_span(bounds)} {unit} from {frame}")
    if annotations.repaired:
        found.lines.append(f"repaired: {annotations.repaired:,} outlines that cross themselves")
    if annotations.ignored:
        found.lines.append(f"left out: {_listed(annotations.ignored)}")


def _add_place(annotations: Annotations, frame: SlideFrame, found: Inspection) -> None:
    found.content["fit"] = {"slide": frame.path, "case": "inside"}
    if len(annotations) and frame.extent is not None:
        size = f"{frame.extent.width:,} x {frame.extent.height:,} px"
        found.lines.append(f"on {frame.path}: the outlines lie inside its {size}")


def _measured(label: Mapping[str, Any], unit: str) -> str:
    outlines = _outlines(label["outlines"])
    negative = f" and {label['negative']:,} that are cut out" if label["negative"] else ""
    area = f"{label['mm2']:.4g} mm²" if label["mm2"] is not None else f"{label['area']:,.0f} {unit}²"
    return f"{outlines}{negative}, area {area}"


def _outlines(count: int) -> str:
    return f"{count:,} outline{'' if count == 1 else 's'}"


def _listed(values: Mapping[str, object]) -> str:
    shown = ", ".join(f"{_named(name)} ({value})" for name, value in list(values.items())[:MAX_VALUES])
    return shown + (f" and {len(values) - MAX_VALUES:,} more" if len(values) > MAX_VALUES else "")


def _named(label: str) -> str:
    return label or "(none)"


def _span(bounds: list[float]) -> str:
    left, top, right, bottom = bounds
    return f"({left:,.0f}, {top:,.0f}) to ({right:,.0f}, {bottom:,.0f})"


def _size(level: Level) -> str:
    return f"{level.extent.width:,} x {level.extent.height:,}"


def _resolution(mpp: Mpp | None) -> str:
    return "no mpp" if mpp is None else f"{_pair(mpp.x, mpp.y)} µm/px"


def _pair(x: float, y: float) -> str:
    return f"{x:.5g}" if x == y else f"{x:.5g} x {y:.5g}"
