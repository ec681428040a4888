"""The coverage of some tiles by a slide's overlays, as a table."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.overlay import Overlay
from flows.records.findings import Findings
from flows.tasks.shared_overlays import SharedOverlays
from flows.tasks.statistics_columns import measure_statistics
from ratiopath.annotations import is_annotation
from ratiopath.arrow.overlap import overlap_map
from ratiopath.counting.shares import Shares
from ratiopath.counting.wanted import chosen
from ratiopath.errors import UnsupportedFormatError
from ratiopath.geometry import Extent, Mpp
from ratiopath.overlays import AnnotationOptions, TileWindows
from ratiopath.overlays import Overlay as MeasuredOverlay
from ratiopath.roi import Roi
from ratiopath.slides.frame import read_frame
from schemas.columns import OverlayColumns
from schemas.coverage import coverage, dominant_classes
from schemas.fields import OVERLAP


def coverage_table(
    tiles: pa.Table, paths: Mapping[str, str | None], config: CoverageConfig, mpps: Mapping[str, float] | None = None
) -> tuple[pa.Table, Findings]:
    """Append the coverage by each overlay to the tiles of one slide.

    Args:
        tiles: Rows of a grid, in any order.
        paths: File of each overlay; None where the slide has none.
        config: Configuration with the ROI and the classes of each overlay.
        mpps: Resolution of each overlay for which the manifest gives one, µm/px.

    Returns:
        Table of `schemas.coverage`, a row per tile in the same order; and findings about the overlays.

    Raises:
        SlideError: An overlay cannot be read in full, or cannot be aligned with the slide.
    """
    columns, findings = list(tiles.columns), Findings()
    with SharedOverlays(paths, config, mpps or {}) as shared:
        for overlay in config.overlay_columns:
            path = paths[overlay.name]
            if path is None:
                columns += _absent(overlay, tiles.num_rows)
            elif is_annotation(path):
                found, remarks = _measure_annotation(overlay, path, tiles, config, shared)
                columns += found
                findings.notes.extend(f"overlay {overlay.name}: {remark}" for remark in remarks)
            else:
                columns += _measure_image(overlay, path, tiles, config, shared, findings)
    return pa.Table.from_arrays(columns, schema=coverage(config.overlay_columns).arrow), findings


def _measure_image(
    overlay: OverlayColumns,
    path: str,
    tiles: pa.Table,
    config: CoverageConfig,
    shared: SharedOverlays,
    findings: Findings,
) -> list[pa.Array]:
    settings = config.overlays[overlay.name]
    if settings.annotation_options:
        found = ", ".join(settings.annotation_options)
        problem = f"{path!r} is an image, and overlays.{overlay.name} has options of annotations: {found}"
        raise UnsupportedFormatError(problem, path=path, hint="remove them, or give the path of an annotation")
    frame, level, mpp = read_frame(tiles["path"][0].as_py()), tiles["level"][0].as_py(), _mpp(tiles)
    if mpp is None:
        frame, mpp = replace(frame, mpp=None), Mpp(*frame.downsamples[level])  # the unit is a pixel of level 0
    else:
        frame = frame.with_mpp_of(level, mpp)
    image = shared.image(overlay.name, frame)
    if image.alignment is not None:
        findings.add_alignment(overlay.name, image.alignment)
    extent = _tile_extent(tiles)
    windows_of = {name: _windows(tiles, mpp, config.region_of(extent, name)) for name in config.overlays}
    windows = windows_of[overlay.name]
    measured = measure_statistics(image, windows, settings)
    if not overlay.has_overlap:
        return measured.known(path) + measured.columns
    counted = {one.name: windows_of[one.name] for one in config.overlay_columns if one.has_overlap}
    shares = shared.shares(overlay.name, image, counted)
    return _present(overlay, image, windows, shares, settings) + measured.columns


def _measure_annotation(
    overlay: OverlayColumns, path: str, tiles: pa.Table, config: CoverageConfig, shared: SharedOverlays
) -> tuple[list[pa.Array], list[str]]:
    settings = config.overlays[overlay.name]
    options = {"mpp": settings.given_mpp is not None, "align": settings.align != "auto"}
    if any(options.values()):
        names = " and ".join(f"overlays.{overlay.name}.{name}" for name, is_set in options.items() if is_set)
        problem = f"{path!r} is an annotation, and has options of images: {names}"
        hint = "remove them; origin, unit and level are the frame of outlines"
        raise UnsupportedFormatError(problem, path=path, hint=hint)
    mpp = _mpp(tiles) or Mpp(1.0, 1.0)  # without a resolution only the downsample matters
    frame = read_frame(tiles["path"][0].as_py()).with_mpp_of(tiles["level"][0].as_py(), mpp)
    annotation = shared.annotation(path, frame, settings.settings().annotation or AnnotationOptions())
    windows = _windows(tiles, mpp, config.region_of(_tile_extent(tiles), overlay.name))
    measured = measure_statistics(annotation, windows, settings)
    is_unknown = np.zeros(len(windows), dtype=np.bool_)
    if overlay.has_overlap:
        shares = annotation.shares(windows)
        is_unknown = shares.existing == 0
        found = _present(overlay, annotation, windows, shares, settings)
    else:
        found = measured.known(path)
    if overlay.is_counted:
        counts = annotation.count_centroids(windows)
        counted = [counts, *(chosen(settings.labels_of(name), counts) for name in overlay.classes)]
        for labels in counted:
            total = sum((counts[label] for label in labels), np.zeros(len(windows), np.int64))
            found.append(pa.array(total, mask=is_unknown))
    found += measured.columns
    return found, annotation.notes({name: settings.labels_of(name) for name in overlay.classes})


def _mpp(tiles: pa.Table) -> Mpp | None:
    x, y = (tiles[name][0].as_py() for name in ("mpp_x", "mpp_y"))
    return None if x is None or y is None else Mpp(x, y)


def _tile_extent(tiles: pa.Table) -> Extent:
    return Extent(*(tiles[name][0].as_py() for name in ("tile_extent_x", "tile_extent_y")))


def _windows(tiles: pa.Table, mpp: Mpp, roi: Roi) -> TileWindows:
    x, y = (tiles[name].to_numpy().astype(np.float64) for name in ("tile_x", "tile_y"))
    return TileWindows(x, y, mpp, roi)


def _present(
    overlay: OverlayColumns, measured: MeasuredOverlay, windows: TileWindows, shares: Shares, settings: Overlay
) -> list[pa.Array]:
    inside = np.divide(shares.existing, shares.inside, out=np.zeros(len(shares)), where=shares.inside > 0)
    found = [shares.share_of(settings.labels_of(name)) for name in overlay.classes]
    classes = [pa.array(share, from_pandas=True) for share in found]  # NaN, where nothing is known, becomes null
    dominant = [dominant_classes(found, overlay.classes) for _ in overlay.dominant]
    bounds = [pa.array(measured.uncertainty(windows, shares), from_pandas=True) for _ in overlay.uncertainty]
    known = [pa.repeat(measured.path, len(shares)), overlap_map(shares), pa.array(inside), *bounds]
    return [*known, *classes, *dominant]


def _absent(overlay: OverlayColumns, tiles: int) -> list[pa.Array]:
    nothing = pa.MapArray.from_arrays(
        pa.array(np.zeros(tiles + 1), pa.int32()), pa.array([], pa.string()), pa.array([], pa.float64())
    )
    value = 0 if overlay.missing == "zero" else None
    classes = [pa.repeat(pa.scalar(value, pa.float64()), tiles) for _ in overlay.classes]
    bounds = [pa.nulls(tiles, pa.float64()) for _ in overlay.uncertainty]
    counts = [pa.repeat(pa.scalar(value, pa.int64()), tiles) for _ in overlay.counts]
    dominant = [pa.nulls(tiles, pa.string()) for _ in overlay.dominant]
    statistics = [pa.nulls(tiles, pa.float64()) for _ in overlay.measured]
    overlap = [nothing.cast(OVERLAP)] if overlay.has_overlap else []
    known = [pa.nulls(tiles, pa.string()), *overlap, pa.repeat(0.0, tiles), *bounds]
    return [*known, *classes, *dominant, *counts, *statistics]
