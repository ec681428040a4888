"""Which files are slides: what the configuration names, without what it excludes and what lies over another slide."""

import glob
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import fnmatchcase

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from flows.config.overlay_path import overlay_path
from flows.inputs.manifest import SlideSource, is_manifest, read_manifest
from ratiopath.errors import SlideNotFoundError
from ratiopath.slides.paths import find_slides


def discover(config: CoverageConfig) -> list[SlideSource]:
    """The slides of a run, sorted by path, each once.

    Args:
        config: Its `slides` are found, `exclude` are left out, and overlays of found slides are no slides.

    Raises:
        ConfigurationError: An entry of `slides` does not exist, or a manifest cannot be used.
    """
    named: dict[str, SlideSource] = {}
    for slide in (slide for entry in config.slide_entries for slide in _named_by(entry, config)):
        bare = SlideSource(slide.path)
        if named.get(slide.path, bare) == bare:
            named[slide.path] = slide
        elif slide not in (bare, named[slide.path]):
            raise ConfigurationError(f"slides: {slide.path!r} has two different rows in manifests; delete one of them")
    # excluded files take part, so that the overlay of an excluded slide is not taken for a slide
    slides = slides_among({path: set(_overlays(slide, config)) for path, slide in named.items()})
    folders = config.slide_folders
    return [named[path] for path in sorted(slides) if not _is_excluded(path, config.exclude, folders)]


def _named_by(entry: str, config: CoverageConfig) -> Iterator[SlideSource]:
    if is_manifest(entry):
        yield from read_manifest(entry, config.manifest_columns.values())
        return
    if config.manifest_columns:
        name, column = next(iter(config.manifest_columns.items()))
        raise ConfigurationError(
            f"overlays.{name}.path.column: {column!r} is a column of a manifest, but slides names {entry!r}; give a "
            "manifest .csv or .parquet as slides, or a template as path"
        )
    try:
        paths = find_slides(entry)
    except SlideNotFoundError:
        remedy = "check the path; a glob must match a file, a folder may be empty"
        raise ConfigurationError(f"slides: {entry!r} does not exist; {remedy}") from None
    yield from map(SlideSource, paths)


def _is_excluded(path: str, patterns: Iterable[str], folders: Iterable[str]) -> bool:
    """Whether a pattern matches: the path if it has a slash, else the name; * also matches a slash.

    A relative pattern begins at the working directory or, without a dot in front, anywhere below what `slides` names:
    where that lies itself says nothing about the slides in it.
    """
    tops = [os.path.join(folder, "") for folder in folders]
    below = [f"/{path.removeprefix(top)}" for top in tops if path.startswith(top)]
    return any(
        _matches(path, below, pattern) if "/" in pattern else fnmatchcase(os.path.basename(path), pattern)
        for pattern in patterns
    )


def _matches(path: str, below: Iterable[str], pattern: str) -> bool:
    pattern = f"{pattern}*" if pattern.endswith("/") else pattern
    if fnmatchcase(path, os.path.normpath(os.path.join(glob.escape(os.getcwd()), pattern))):
        return True
    if pattern.startswith(("/", "./", "../")):
        return False
    anywhere = os.path.normpath(pattern if pattern.startswith("*") else f"*/{pattern}")
    return any(fnmatchcase(name, anywhere) for name in below)


def _overlays(slide: SlideSource, config: CoverageConfig) -> Iterator[str]:
    sources = iter(slide.sources)
    for name, overlay in config.overlays.items():
        cell = next(sources) if name in config.manifest_columns else None
        path = overlay_path(slide.path, overlay.path, cell)
        if path is not None:
            yield path


def slides_among(overlays: Mapping[str, AbstractSet[str]]) -> set[str]:
    """The files that are slides, when some are the overlays of others.

    An edge leads from each file to what would be its overlays. Nobody points at a slide but files that are overlays
    themselves:

        a.tiff -> a_mask.tiff -> a_mask_mask.tiff      a.tiff and a_mask_mask.tiff are slides

    A file that points at itself is a slide, and in a circle the first by name is.

    Args:
        overlays: What each file would be overlaid with; names outside the keys do not matter.
    """
    pointed_at = {path: (others & overlays.keys()) - {path} for path, others in overlays.items()}
    pointers: dict[str, list[str]] = {path: [] for path in overlays}
    for path, others in pointed_at.items():
        for other in others:
            pointers[other].append(path)
    undecided = {path: len(by) for path, by in pointers.items()}
    slides: set[str] = set()
    ready = deque(sorted(path for path, count in undecided.items() if not count))
    circles = iter(sorted(overlays))
    while undecided:
        path = ready.popleft() if ready else next(path for path in circles if path in undecided)
        if undecided.pop(path, None) is None:
            continue
        if slides.isdisjoint(pointers[path]):
            slides.add(path)
        for other in sorted(pointed_at[path] & undecided.keys()):
            undecided[other] -= 1
            if not undecided[other]:
                ready.append(other)
    return slides
