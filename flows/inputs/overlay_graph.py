"""Slides among files, some of which are overlays of others."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.int64]


class CircleError(ValueError):
    """Files are overlays of one another in a circle."""

    def __init__(self, files: list[int]) -> None:
        """Take their numbers, sorted."""
        super().__init__(f"files {files} are overlays of one another")
        self.files = files


def slides_among(files: int, owners: Numbers, overlays: Numbers) -> npt.NDArray[np.bool_]:
    """Select the slides among files, some of which are overlays of others.

    A file that is nobody's overlay is a slide. Its overlays are not, so they and their own overlays do not count:

        a.tiff -> a_mask.tiff -> a_mask_mask.tiff      a.tiff and a_mask_mask.tiff are slides

    Args:
        files: Number of files.
        owners: File that has an overlay, for each overlay.
        overlays: File that is the overlay; a file that is its own counts as none.

    Returns:
        True for each file that is a slide.

    Raises:
        CircleError: Files are overlays of one another in a circle.
    """
    of_others = owners != overlays
    owners, overlays = owners[of_others], overlays[of_others]
    is_slide, is_left = np.zeros(files, bool), np.ones(files, bool)
    while is_left.any():
        is_root = is_left.copy()
        is_root[overlays[is_left[owners]]] = False
        if not is_root.any():
            raise CircleError(_circle(is_left, owners, overlays))
        is_slide |= is_root
        is_left[is_root] = False
        is_left[overlays[is_root[owners]]] = False
    return is_slide


def _circle(is_left: npt.NDArray[np.bool_], owners: Numbers, overlays: Numbers) -> list[int]:
    """Find a circle among files each of which is the overlay of another, by walking back from the first."""
    walked = [int(np.flatnonzero(is_left)[0])]
    while walked[-1] not in walked[:-1]:
        walked.append(int(owners[(overlays == walked[-1]) & is_left[owners]].min()))
    return sorted(walked[walked.index(walked[-1]) : -1])
