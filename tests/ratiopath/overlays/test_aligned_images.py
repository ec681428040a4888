"""Images over a slide, made wrong on purpose: the same shares as those of a right one, or a refusal."""

from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile

from ratiopath.errors import MisalignedError, MissingMppError
from ratiopath.frame import SlideFrame
from ratiopath.geometry import Extent, Float64s, Mpp
from ratiopath.overlays import OverlaySettings, TileWindows, open_overlay
from ratiopath.overlays.open import open_raster
from ratiopath.roi import Roi
from tests.support.layouts import LAYOUTS, Raster
from tests.support.study import random_labels, write_slide, write_slide_without_mpp

REAL = Path("../shared/data/CMU-1-Small-Region.svs")
"""A slide of 2220 x 2967 px at 0.499 µm/px."""
SCREEN = 352.8
"""Resolution in µm/px of 72 dpi."""
TILE = 16
MPP = Mpp(0.5, 0.5)


def write(path: Path, labels: np.ndarray, mpp: float | tuple[float, float] | None = None) -> str:
    """Write a mask, with or without resolution tags."""
    if mpp is None:
        tifffile.imwrite(path, labels, tile=(16, 16), metadata=None)
    else:
        LAYOUTS["deflate"].write(path, Raster((labels,), mpp if isinstance(mpp, tuple) else (mpp, mpp)))
    return str(path)


def windows(width: int, height: int, mpp: Mpp = MPP, tile: int = TILE) -> TileWindows:
    y, x = (axis.ravel().astype(np.float64) for axis in np.mgrid[0:height:tile, 0:width:tile])
    return TileWindows(x, y, mpp, Roi(shapely.box(0, 0, tile, tile)))


def share_of(value: int, path: str, tiles: TileWindows, slide: SlideFrame | str | None = None, **options) -> Float64s:
    settings = OverlaySettings(**options)
    opened = (
        open_raster(path, settings, slide) if isinstance(slide, SlideFrame) else open_overlay(path, settings, slide)
    )
    with opened as overlay:
        return overlay.shares(tiles).share_of([str(value)])


@pytest.fixture
def slide(tmp_path: Path) -> str:
    """64 x 48 px at 0.5 µm/px."""
    return str(write_slide(tmp_path / "a.tiff"))


LABELS = random_labels(3, (0, 1))


def test_an_overlay_that_fits_is_measured_as_without_the_slide(tmp_path: Path, slide: str) -> None:
    path, tiles = write(tmp_path / "m.tiff", LABELS, 1.0), windows(64, 48)
    np.testing.assert_array_equal(share_of(1, path, tiles, slide), share_of(1, path, tiles))


@pytest.mark.parametrize("mpp", [None, SCREEN])
def test_sizes_stand_for_a_resolution_that_is_missing(tmp_path: Path, slide: str, mpp: float | None) -> None:
    right, tiles = write(tmp_path / "right.tiff", LABELS, 1.0), windows(64, 48)
    path = write(tmp_path / "m.tiff", LABELS, mpp)
    np.testing.assert_array_equal(share_of(1, path, tiles, slide), share_of(1, right, tiles))


@pytest.mark.parametrize("mpp", [1.04, 0.96])
def test_sizes_stand_for_a_resolution_that_is_imprecise(tmp_path: Path, mpp: float) -> None:
    slide, labels = str(write_slide(tmp_path / "a.tiff", size=(960, 1280))), random_labels(3, (0, 1), (480, 640))
    right, path = write(tmp_path / "right.tiff", labels, 1.0), write(tmp_path / "m.tiff", labels, mpp)
    tiles = windows(1280, 960, tile=64)
    with pytest.warns(UserWarning, match="is aligned by size: a pixel is 2 x 2 px of level 0"):
        found = share_of(1, path, tiles, slide)
    np.testing.assert_array_equal(found, share_of(1, right, tiles))


def test_a_part_of_the_slide_is_measured_with_a_warning(tmp_path: Path, slide: str) -> None:
    path, tiles = write(tmp_path / "m.tiff", LABELS[:16, :8], 1.0), windows(64, 48)
    with pytest.warns(UserWarning, match="covers a part of the slide: 16 x 32 px of level 0"):
        found = share_of(1, path, tiles, slide)
    np.testing.assert_array_equal(found, share_of(1, path, tiles))


@pytest.mark.parametrize(("size", "mpp", "found"), [
    ((24, 32), 2.0, "wrong resolution"), ((40, 32), 1.0, "is no image of"), ((32, 24), 2.0, "is no image of"),
])  # fmt: skip
def test_an_overlay_that_cannot_be_right_is_refused_unless_it_is_said(tmp_path, slide, size, mpp, found) -> None:
    path, tiles = write(tmp_path / "m.tiff", random_labels(3, (0, 1), size), mpp), windows(64, 48)
    with pytest.raises(MisalignedError, match=found):
        share_of(1, path, tiles, slide)
    with pytest.warns(UserWarning, match="differs in size"):
        unchecked = share_of(1, path, tiles, slide, align="mpp")
    np.testing.assert_array_equal(unchecked, share_of(1, path, tiles))


def test_a_slide_without_resolution_leaves_the_resolution_of_the_overlay(tmp_path: Path) -> None:
    slide = str(write_slide_without_mpp(tmp_path / "a.tiff"))
    path, tiles = write(tmp_path / "m.tiff", LABELS, 1.0), windows(64, 48)
    np.testing.assert_array_equal(share_of(1, path, tiles, slide), share_of(1, path, tiles))
    with pytest.raises(MissingMppError, match="cannot be aligned by size"):
        share_of(1, path, tiles, slide, align="extent")


class TestBoundingBox:
    """A slide of 64 x 48 px whose scanned box is 40 x 24 px at (9, 17)."""

    FRAME = SlideFrame("a.mrxs", Extent(64, 48), MPP, ((1.0, 1.0), (2.0, 2.0)), (9, 17, 40, 24))

    @pytest.mark.parametrize("mpp", [None, 1.0, 3.0])
    def test_pixels_count_from_its_corner(self, tmp_path: Path, mpp: float | None) -> None:
        labels = random_labels(3, (0, 1), (12, 20))
        whole = np.full((64, 80), 9, np.uint8)
        whole[17:41, 9:49] = np.kron(labels, np.ones((2, 2), np.uint8))
        path, tiles = write(tmp_path / "m.tiff", labels, mpp), windows(64, 48)
        with pytest.raises(MisalignedError, match=r"fits the scanned box of 40 x 24 px at \(9, 17\)"):
            share_of(1, path, tiles, self.FRAME)
        found = share_of(1, path, tiles, self.FRAME, align="bounds")
        corners = np.stack([tiles.x, tiles.y], axis=1).astype(int) + 1  # half a pixel of the mask is rounded up
        counts = np.array([[(whole[y : y + 16, x : x + 16] == v).sum() for v in (0, 1)] for x, y in corners])
        known = counts.sum(axis=1) > 0
        np.testing.assert_array_equal(np.isfinite(found), known)
        np.testing.assert_allclose(found[known], counts[known, 1] / counts[known].sum(axis=1), rtol=1e-15)

    def test_tiles_of_a_level_count_in_its_pixels(self, tmp_path: Path) -> None:
        path = write(tmp_path / "m.tiff", random_labels(3, (0, 1), (12, 20)))
        fine = TileWindows(np.array([10.0]), np.array([18.0]), MPP, Roi(shapely.box(0, 0, 16, 16)))
        coarse = TileWindows(np.array([5.0]), np.array([9.0]), Mpp(1, 1), Roi(shapely.box(0, 0, 8, 8)))
        both = [share_of(1, path, tiles, self.FRAME, align="bounds") for tiles in (fine, coarse)]
        np.testing.assert_array_equal(*both)

    def test_patches_lie_where_shares_are_counted(self, tmp_path: Path) -> None:
        path, tiles = write(tmp_path / "m.tiff", random_labels(3, (0, 1), (12, 20))), windows(64, 48)
        with open_raster(path, OverlaySettings(align="bounds"), self.FRAME) as overlay:
            patches, shares = overlay.patches(tiles), overlay.shares(tiles).share_of(["1"])
        exists = patches[:, 1] == 0
        ones, pixels = ((patches[:, 0] == 1) & exists).sum(axis=(1, 2)), exists.sum(axis=(1, 2))
        np.testing.assert_array_equal(np.isfinite(shares), pixels > 0)
        np.testing.assert_allclose(shares[pixels > 0], ones[pixels > 0] / pixels[pixels > 0], rtol=1e-15)


@pytest.mark.skipif(not REAL.exists(), reason="needs the real slide")
class TestRealSlide:
    """2220 x 2967 px at 0.499 µm/px, with a mask of its left half at a tenth."""

    @pytest.fixture
    def tiles(self) -> TileWindows:
        return windows(2220, 2967, Mpp(0.499, 0.499), 222)

    @staticmethod
    def mask(width: int, height: int) -> np.ndarray:
        labels = np.zeros((height, width), np.uint8)
        labels[:, : round(1110 / 2220 * width)] = 1
        return labels

    @pytest.mark.parametrize("size", [(222, 296), (222, 297), (221, 296)])
    @pytest.mark.parametrize("mpp", [None, SCREEN, 5.05, 4.99])
    @pytest.mark.filterwarnings("ignore:.*is aligned by size")
    def test_five_writers_and_their_tags_give_the_same_half(self, tmp_path, tiles, size, mpp) -> None:
        found = share_of(1, write(tmp_path / "m.tiff", self.mask(*size), mpp), tiles, str(REAL))
        assert found.reshape(-1, 10).round(1).tolist() == [[1.0] * 5 + [0.0] * 5] * 14

    @pytest.mark.parametrize(("size", "mpp", "message"), [
        ((222, 297), 9.98, "has a wrong resolution"),
        ((222, 297), 2.495, "has a wrong resolution"),
        ((256, 512), 4.99, "is no image of the slide"),
        ((555, 297), 4.99, "is no image of the slide"),
    ])  # fmt: skip
    def test_twice_or_half_the_resolution_padding_and_another_slide_are_refused(
        self, tmp_path, tiles, size, mpp, message
    ) -> None:
        path = write(tmp_path / "m.tiff", self.mask(*size), mpp)
        with pytest.raises(MisalignedError, match=message):
            share_of(1, path, tiles, str(REAL))

    def test_padding_without_resolution_is_refused(self, tmp_path, tiles) -> None:
        path = write(tmp_path / "m.tiff", self.mask(256, 512))
        with pytest.raises(MissingMppError, match="is not aligned by size"):
            share_of(1, path, tiles, str(REAL))

    def test_a_shifted_box_is_refused_until_it_is_said(self, tmp_path, tiles) -> None:
        """The file has no box; the frame gets one, as a MIRAX would have it."""
        frame = SlideFrame(str(REAL), Extent(2220, 2967), Mpp(0.499, 0.499), bounds=(1110, 300, 1000, 2000))
        path = write(tmp_path / "m.tiff", np.ones((200, 100), np.uint8), 4.99)
        with pytest.raises(MisalignedError, match=r"overlays\.NAME\.align: bounds"):
            share_of(1, path, tiles, frame)
        found = share_of(1, path, tiles, frame, align="bounds").reshape(-1, 10)
        assert np.isfinite(found).any(axis=0).tolist() == [False] * 5 + [True] * 5
        assert np.isfinite(found).any(axis=1).tolist() == [False] + [True] * 10 + [False] * 3
