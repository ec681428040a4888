"""An S3-compatible server over HTTP: the same pixels as on this machine, and an object that changes."""

from pathlib import Path

import numpy as np
import pytest

from ratiopath.errors import SlideNotFoundError, TruncatedError
from ratiopath.ray import read_slides
from ratiopath.remote.cache import BLOCK
from ratiopath.remote.file import RemoteFile
from ratiopath.slides import open_slide
from tests.ratiopath.remote.test_slides import ONE_OF_EACH, assert_same
from tests.ratiopath.slides.test_conformance import raster
from tests.support.bucket import Bucket
from tests.support.layouts import LAYOUTS


def test_every_layout_reads_as_on_this_machine(bucket: Bucket, tmp_path: Path) -> None:
    read, some = 0, [param.values for param in ONE_OF_EACH[::3]]
    for layout, kind in some:
        path = tmp_path / f"{layout}.tiff"
        LAYOUTS[layout].write(path, raster(kind))
        bucket.client.upload_file(str(path), bucket.name, f"slides/{path.name}")
        with open_slide(str(path)) as local, open_slide(bucket.uri(f"slides/{path.name}")) as remote:
            assert_same(remote, local)
            read += 1

    assert read == len(some)


def test_slides_are_described_by_ray(bucket: Bucket, tmp_path: Path, local_ray) -> None:
    path = tmp_path / "slide 1.tiff"
    stored = LAYOUTS["ome"].write(path, raster(("uint8", 1, False)))
    bucket.client.upload_file(str(path), bucket.name, path.name)
    uri = bucket.uri("slide%201.tiff")

    [row] = read_slides(uri, tile_extent=32, stride=32, level=0).take_all()

    assert row["path"] == uri
    assert (row["extent_y"], row["extent_x"]) == stored.levels[0].shape
    assert (row["mpp_x"], row["mpp_y"]) == stored.mpp


@pytest.mark.parametrize("size", [9 * BLOCK, 8 * BLOCK])
def test_an_object_that_changes_is_an_error(size: int, bucket: Bucket) -> None:
    before, after = np.random.default_rng(1).bytes(9 * BLOCK), bytes(size)
    bucket.client.put_object(Bucket=bucket.name, Key="a", Body=before)
    with RemoteFile.open(bucket.uri("a")) as file:
        assert file.read_at(5, 10) == before[5:15]
        bucket.client.put_object(Bucket=bucket.name, Key="a", Body=after)
        with pytest.raises(TruncatedError, match="changed while it was read"):
            file.read_at(2 * BLOCK, 10)


def test_an_absent_object_is_not_found(bucket: Bucket) -> None:
    for key in ("absent.tiff", "folder/absent.tiff"):
        with pytest.raises(SlideNotFoundError, match="no such file on its store; hint: check the URI"):
            open_slide(bucket.uri(key))
