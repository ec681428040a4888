"""The coverage of some tiles by a slide's overlays, as a table."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.config.overlay import Overlay
from flows.records.findings import Findings
from flows.records.overlay_headers import refuse_options
from flows.tasks.shared_overlays import SharedOverlays
from flows.tasks.slide_tiles import SlideTiles
from flows.tasks.statistics_columns import scaled_statistics, statistics_in_file
from ratiopath.annotations import is_annotation
from ratiopath.arrow.overlap import overlap_map
from ratiopath.counting.shares import Shares
from ratiopath.counting.wanted import chosen
from ratiopath.frame import SlideFrame
from ratiopath.overlays import AnnotationOptions, TileWindows
from ratiopath.overlays import Overlay as MeasuredOverlay
from schemas.columns import OverlayColumns
from schemas.coverage import coverage, dominant_classes
from schemas.fields import OVERLAP


def coverage_table(
    tiles: pa.Table,
    frame: SlideFrame,
    paths: Mapping[str, str | None],
    config: CoverageConfig,
    mpps: Mapping[str, float] | None = None,
) -> tuple[pa.Table, Findings]:
    """Append the coverage by each overlay to the tiles of one slide.

    Args:
        tiles: Rows of a grid, in any order.
        frame: Frame of the slide, with the resolution that the tiles' implies; with none if they have none.
        paths: File of each overlay; None where the slide has none.
        config: Configuration with the ROI and the classes of each overlay.
        mpps: Resolution of each overlay for which the manifest gives one, µm/px.

    Returns:
        Table of `schemas.coverage`, a row per tile in the same order; and findings about the overlays.

    Raises:
        SlideError: An overlay cannot be read in full, or cannot be aligned with the slide.
    """
    columns, findings, slide = list(tiles.columns), Findings(), SlideTiles.of(tiles, frame, config)
    with SharedOverlays(paths, config, mpps or {}) as shared:
        for overlay in config.overlay_columns:
            path = paths[overlay.name]
            if path is None:
                columns += _absent(overlay, tiles.num_rows)
            elif is_annotation(path):
                found, remarks = _measure_annotation(overlay, path, slide, config, shared)
                columns += found
                findings.notes.extend(f"overlay {overlay.name}: {remark}" for remark in remarks)
            else:
                columns += _measure_image(overlay, path, slide, config, shared, findings)
    return pa.Table.from_arrays(columns, schema=coverage(config.overlay_columns).arrow), findings


def _measure_image(
    overlay: OverlayColumns,
    path: str,
    slide: SlideTiles,
    config: CoverageConfig,
    shared: SharedOverlays,
    findings: Findings,
) -> list[pa.Array]:
    settings = config.overlays[overlay.name]
    refuse_options(overlay.name, path, settings, is_outlines=False)
    image = shared.image(overlay.name, slide.frame)
    if image.alignment is not None:
        findings.add_alignment(overlay.name, image.alignment)
    shares, statistics = shared.measure(overlay.name, image, slide.windows)
    measured = scaled_statistics(statistics, settings)
    windows = slide.windows[overlay.name]
    known = measured.known(path) if shares is None else _present(overlay, image, windows, shares, settings)
    return known + measured.columns


def _measure_annotation(
    overlay: OverlayColumns, path: str, slide: SlideTiles, config: CoverageConfig, shared: SharedOverlays
) -> tuple[list[pa.Array], list[str]]:
    settings = config.overlays[overlay.name]
    refuse_options(overlay.name, path, settings, is_outlines=True)
    annotation = shared.annotation(path, slide.frame, settings.settings().annotation or AnnotationOptions())
    windows = slide.windows[overlay.name]
    wanted = statistics_in_file(settings)
    measured = scaled_statistics(annotation.statistics(windows, wanted) if wanted else None, settings)
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
    classes = {name: settings.labels_of(name) for name in overlay.classes}
    return found, annotation.notes(classes, has_statistics=bool(wanted))


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
