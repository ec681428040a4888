"""Real TIFFs of other projects."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from ratiopath.errors import UnsupportedImageError
from ratiopath.slides import open_slide

FOLDER = Path(__file__).parents[4] / "shared/data/real"
TURNED = sorted(FOLDER.glob("*orient[2-8].tif"))
UPRIGHT = sorted(set(FOLDER.glob("*.tif*")) - set(TURNED))
WITHOUT_ALPHA = [path for path in UPRIGHT if "small_la" not in path.name]

pytestmark = pytest.mark.skipif(not UPRIGHT, reason="the real files are not part of the repository")


@pytest.mark.parametrize("path", TURNED, ids=lambda path: path.stem)
def test_an_image_that_is_stored_turned_is_refused(path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match="Orientation"):
        open_slide(str(path))


@pytest.mark.parametrize("path", WITHOUT_ALPHA, ids=lambda path: path.stem)
def test_the_first_chunk_of_each_level_is_as_tifffile_reads_it(path: Path) -> None:
    with tifffile.TiffFile(path) as tiff, open_slide(str(path)) as reader:
        pages = {(page.imagewidth, page.imagelength): page for page in tiff.pages}
        for level in reader.pyramid.levels:
            found = reader.read_chunk(level.index, 0, 0).pixels
            expected = pages[level.extent.width, level.extent.height].asarray()
            np.testing.assert_array_equal(found, expected[: found.shape[0], : found.shape[1]])
