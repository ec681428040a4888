"""Overlays of one slide: their files, and whether the slide's coverage was made from them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.config.model import CoverageConfig
from flows.config.overlay_path import Column, Pattern, folders_of_overlays, overlay_path
from flows.records.fingerprints import Ask, Json, fingerprint, fingerprints
from flows.records.provenance import Provenance, read_metadata
from flows.records.slides import Slide, Status
from flows.storage.workspace import Workspace
from ratiopath.errors import ParameterError, SlideError, SlideNotFoundError
from ratiopath.files import open_errors
from ratiopath.remote.names import folder_of, options_of
from ratiopath.remote.uri import check_uri, is_uri


class OverlayNotFoundError(SlideError):
    """A slide lacks an overlay that it must have."""


class OverlayOutsideError(SlideError):
    """A template leads out of the folders that the configuration names."""


def derive_overlays(
    row: dict[str, Any],
    config: CoverageConfig,
    workspace: Workspace,
    folders: Sequence[str],
    settings: Json,
    ask: Ask = fingerprint,
) -> dict[str, Any]:
    """Derive the overlays of one slide, and compare its inputs and settings with those of its coverage.

    Args:
        row: Row of `schemas.intermediate.masked_slides`.
        config: Configuration of the run.
        workspace: Workspace of the run.
        folders: Folders of the slides, out of which no relative template may lead.
        settings: Settings of `coverage_settings`.
        ask: Fingerprints a file, not by content.

    Returns:
        Row of `schemas.intermediate.overlay_paths`.

    Raises:
        OverlayNotFoundError: The slide lacks an overlay that it must have.
        OverlayOutsideError: A template leads out of the folders that the configuration names.
        SlideError: An overlay cannot be reached.
    """
    slide, identity = Slide.from_row(row), json.loads(row["identity"])
    states, found = find_overlays(row, config, folders, ask)
    masks = {name: json.loads(row["mask"]) for name, overlay in config.overlays.items() if overlay.detect}
    overlays = found | masks
    provenance = Provenance(settings, identity, slide, overlays)
    metadata = read_metadata(workspace.of_slide("coverage", slide.slide_id), workspace)
    is_whole = metadata.is_whole(config.classes) and row["grid"] is not None
    return {
        "slide_id": slide.slide_id,
        "path": slide.path,
        **{f"{name}_path": file and file["path"] for name, file in overlays.items()},
        "record": provenance.to_json(),
        "states": json.dumps([json.loads(row["state"]), *json.loads(row["instances"] or "[]"), *states]),
        "frame": row["frame"],
        "status": _status(metadata.provenance, provenance, is_whole=is_whole, force=config.force),
    }


def find_overlays(
    row: Mapping[str, Any], config: CoverageConfig, folders: Sequence[str], ask: Ask = fingerprint
) -> tuple[list[Json], dict[str, Json | None]]:
    """Fingerprint the overlays of a slide that are files.

    Args:
        row: Its path, with the paths and resolutions of overlays in its manifest.
        config: Configuration of the run.
        folders: Folders of the slides.
        ask: Fingerprints a file, not by content.

    Returns:
        Fingerprints by `ask` of those that exist; and by name those of its provenance, None where it has none.

    Raises:
        SlideError: See `derive_overlays`.
    """
    found = {
        name: _find_overlay(row["path"], name, overlay.path, row.get(f"{name}_source"), folders, config, ask)
        for name, overlay in config.overlays.items()
        if overlay.path is not None
    }
    states = [state for state, _ in filter(None, found.values())]
    return states, {name: pair and _with_mpp(pair[1], row.get(f"{name}_given")) for name, pair in found.items()}


def paths_on_stores(row: Mapping[str, Any], config: CoverageConfig) -> Iterator[str]:
    """Iterate over those of a slide and its overlays that lie on stores.

    Args:
        row: Its path, with the paths of overlays in its manifest.
        config: Configuration of the run.
    """
    slide = row["path"]
    if is_uri(slide):
        yield slide
    for name, overlay in config.overlays.items():
        if is_uri(slide) or not isinstance(overlay.path, str) or is_uri(overlay.path):
            path = overlay.path and overlay_path(slide, overlay.path, row.get(f"{name}_source"))
            if path and is_uri(path):
                yield path


def inputs_digest(identity: Json, overlays: Mapping[str, Json | None]) -> str:
    """Return the digest of the inputs of a slide's files.

    Args:
        identity: Fingerprint of the slide and the resolution given for it.
        overlays: Fingerprints of its overlays that are files, by name.
    """
    return hashlib.sha256(json.dumps([identity, overlays], sort_keys=True).encode()).hexdigest()


def inputs_of(provenance: Provenance, config: CoverageConfig) -> str:
    """Return the digest of the inputs that a slide's file was made from, as the file itself says; see `inputs_digest`.

    Args:
        provenance: Provenance of a file of these settings.
        config: Configuration of the run.
    """
    files = {name: found for name, found in provenance.overlays.items() if config.overlays[name].path is not None}
    return inputs_digest(provenance.source, files)


def _with_mpp(overlay: Json, mpp: float | None) -> Json:
    """Add the resolution that the manifest gives, if any, to the fingerprint: an input like the file."""
    return overlay if mpp is None else {**overlay, "mpp": mpp}


def _status(stored: Provenance | None, provenance: Provenance, *, is_whole: bool, force: bool) -> Status:
    if stored is None:
        return "new"
    if stored != provenance:
        return "changed"
    if force:
        return "recomputed"
    return "unchanged" if is_whole else "new"  # a damaged file is as good as none


def _find_overlay(
    slide: str,
    name: str,
    source: str | Pattern | Column,
    cell: str | None,
    folders: Sequence[str],
    config: CoverageConfig,
    ask: Ask,
) -> tuple[Json, Json] | None:
    """Fingerprint an overlay of a slide, see `fingerprints`; None if the slide has none and need not have it.

    Raises:
        OverlayNotFoundError: The slide has none and must have it.
        OverlayOutsideError: The path leads out of the folders that the configuration names.
        SlideNotFoundError: The file cannot be reached, or is behind a link that leads nowhere.
    """
    path = overlay_path(slide, source, cell)
    if path is not None:
        _refuse_odd_uri(path, slide, name)
        _refuse_outside(path, slide, name, folders_of_overlays(slide, source, folders))
        try:
            return fingerprints(path, config.changes, ask)
        except (FileNotFoundError, NotADirectoryError):
            _refuse_broken_link(path)
        except OSError:
            with open_errors(path):
                raise
    if config.overlays[name].missing == "fail":
        found = f"no path for it can be derived from {slide!r}" if path is None else f"no such file {path!r}"
        raise OverlayNotFoundError(
            f"{slide!r} has no overlay {name}: {found}",
            path=slide,
            hint=f"add the file, correct overlays.{name}.path, or set overlays.{name}.missing to null or zero",
        )
    return None


def _refuse_odd_uri(path: str, slide: str, name: str) -> None:
    """Refuse a URI that a pattern or a name has made, and that may hold a credential."""
    try:
        if is_uri(path):
            check_uri(path)
    except ParameterError as error:
        problem = f"the path of overlay {name} of {slide!r} cannot be used: {error}"
        raise SlideNotFoundError(problem, path=slide, hint=f"correct overlays.{name}.path") from None


def _refuse_broken_link(path: str) -> None:
    """Refuse a file behind a link that leads nowhere: the file is lost, such as with a disk, and was there once."""
    part = path
    while not is_uri(path) and not os.path.exists(part) and (parent := os.path.dirname(part)) != part:
        if os.path.islink(part):
            found = "it is a link" if part == path else f"{part!r} is a link"
            problem = f"cannot open {path!r}: {found} that leads nowhere"
            raise SlideNotFoundError(problem, path=path, hint="check where the link leads, or remove it")
        part = parent


def _refuse_outside(path: str, slide: str, name: str, folders: Sequence[str] | None) -> None:
    if folders is not None and not any(path.startswith(os.path.join(folder, "")) for folder in folders):
        named = ", ".join(map(repr, sorted(set(folders))))
        absolute = os.path.join(folder_of(path), "{stem}.tiff") + options_of(path)
        raise OverlayOutsideError(
            f"the overlay {name} of {slide!r} lies outside of {named}: {path!r}",
            path=slide,
            hint=f"if that is intended, write overlays.{name}.path as an absolute path, such as {absolute!r}",
        )
