"""Scores of patches in HDF5, as attention networks write them: boxes in pixels of level 0, with numbers for labels.

coords                          shape (patches, 2): left and top edge of each patch, px of level 0
attention_scores, scores, ...   shape (patches,) or (patches, 1); NaN where nothing is known
attributes of coords            patch_size_level0, or patch_size with downsample or patch_level 0
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from ratiopath.annotations.outlines import Outlines, ReadOptions
from ratiopath.errors import TruncatedError, UnsupportedFormatError
from ratiopath.geometry import Float64s

SCORES = ("attention_scores", "scores", "attention", "score")
"""Data sets with the scores, if none is named; the first that is there."""
MAX_PATCHES = 10_000_000
"""Patches of a file."""
MAX_SHOWN = 8
"""Names in a message."""
_AXES = 2


def read_hdf5(source: str | IO[bytes], outlines: Outlines, options: ReadOptions) -> None:
    """Add a box for each patch, labelled with its score.

    Args:
        source: The file, or its path.
        outlines: Outlines to add to.
        options: `measurement` names the data set of the scores, `patch_size` is the side of a patch.

    Raises:
        UnsupportedFormatError: A data set is missing, or the size of the patches is unknown.
        TruncatedError: The file is damaged, or the data sets are not of one length.
    """
    import h5py  # noqa: PLC0415 - 0.1 s that few overlays need

    path = outlines.path
    with _translated_errors(path), h5py.File(source, "r") as file:
        own = [name for name in file if file.get(name, getclass=True, getlink=True) is h5py.HardLink]
        sets = {name: file[name] for name in own if _is_inside(file[name], h5py)}
        wanted = (options.measurement,) if options.measurement else SCORES
        name = next((name for name in wanted if name in sets), None)
        if name is None or "coords" not in sets:
            missing = f"no data set {'coords' if 'coords' not in sets else ' or '.join(wanted)}"
            shown = ", ".join(sorted(sets)[:MAX_SHOWN]) or "none"
            problem = f"{path!r} is an HDF5 file with {missing} (its data sets: {shown})"
            hint = "set measurement: NAME, the data set of the scores; coords holds the corners of the patches"
            raise UnsupportedFormatError(problem, path=path, hint=hint)
        coords, scores = sets["coords"], sets[name]
        _require_shapes(coords.shape, scores.shape, name, path)
        size = options.patch_size or _patch_size({**file.attrs, **coords.attrs})
        corners, numbers = coords[()], scores[()]
    if size is None:
        problem = f"{path!r} does not say how large its patches are (no patch_size_level0)"
        raise UnsupportedFormatError(problem, path=path, hint="set patch_size, their side in pixels of level 0")
    _add(outlines, np.asarray(corners, np.float64), np.asarray(numbers, np.float64).ravel(), size)


@contextmanager
def _translated_errors(path: str) -> Iterator[None]:
    """Raise the errors of h5py as a damaged file."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = str(error).split("\n", 1)[0][:200]
        problem = f"{path!r} is a damaged HDF5 file ({reason})"
        raise TruncatedError(problem, path=path, hint="write or copy it again") from None


def _is_inside(found: Any, h5py: Any) -> bool:
    """Return True for a data set of numbers whose bytes lie in the file itself."""
    return isinstance(found, h5py.Dataset) and found.dtype.kind in "iuf" and not (found.is_virtual or found.external)


def _require_shapes(coords: tuple[int, ...], scores: tuple[int, ...], name: str, path: str) -> None:
    patches = coords[0] if coords else 0
    is_pair = len(coords) == _AXES and coords[1] == _AXES and patches <= MAX_PATCHES
    if not is_pair or scores not in {(patches,), (patches, 1), (1, patches)}:
        problem = f"{path!r} has coords of shape {coords} and {name} of shape {scores}"
        hint = "write coords of shape (patches, 2), and a score per patch"
        raise UnsupportedFormatError(problem, path=path, hint=hint)


def _patch_size(attributes: Mapping[str, Any]) -> float | None:
    """Return the side of a patch in pixels of level 0; None if it is unknown."""
    found = {
        name: float(np.ravel(attributes[name])[0])
        for name in ("patch_size_level0", "patch_size", "downsample", "patch_level")
        if name in attributes and np.asarray(attributes[name]).dtype.kind in "iuf"
    }
    size = found.get("patch_size_level0")
    if size is None and "patch_size" in found:
        downsample = found.get("downsample", 1.0 if found.get("patch_level") == 0 else np.nan)
        size = found["patch_size"] * downsample
    return size if size is not None and 0 < size < np.inf else None


def _add(outlines: Outlines, corners: Float64s, numbers: Float64s, size: float) -> None:
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    vertices = (corners[:, None, :] + unit * size).reshape(-1, 2)
    labels = ["" if np.isnan(number) else repr(number) for number in numbers.tolist()]
    outlines.add_many(labels, vertices, [len(unit)] * len(labels), [1] * len(labels))
