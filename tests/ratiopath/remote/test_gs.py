"""Objects of Google Cloud Storage, on a server that answers as it does as far as reading asks."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from ratiopath.errors import SlideNotFoundError, TruncatedError
from ratiopath.remote import retries
from ratiopath.remote.file import RemoteFile
from ratiopath.slides import open_slide
from tests.support.gcs_server import gcs_server

PIXELS = np.random.default_rng(1).integers(0, 255, (2048, 2048), np.uint8)
OPTIONS = "scheme=http&anonymous=true&endpoint_override"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[tuple[Path, Path, str]]:
    """Folder of the objects, log of the requests, and address."""
    folder, log = tmp_path_factory.mktemp("objects"), tmp_path_factory.mktemp("gs") / "log"
    with gcs_server(folder, log) as address:
        yield folder, log, address


def test_a_slide_is_read_by_ranges_of_one_generation(store: tuple[Path, Path, str]) -> None:
    folder, log, address = store
    tifffile.imwrite(folder / "a b.tiff", PIXELS, tile=(256, 256))
    before = len(log.read_text().splitlines())

    with open_slide(f"gs://bucket/a%20b.tiff?{OPTIONS}={address}") as slide:
        np.testing.assert_array_equal(slide.read_chunk(0, 7, 7).pixels, PIXELS[-256:, -256:])

    requests = log.read_text().splitlines()[before:]
    assert [request.split(" bytes")[0].strip() for request in requests] == ["metadata", "media", "media", "media"]
    assert sum("bytes=" in request for request in requests) == 2


def test_an_object_that_is_replaced_is_an_error(store: tuple[Path, Path, str]) -> None:
    folder, _, address = store
    (folder / "a").write_bytes(bytes(1 << 22))
    with RemoteFile.open(f"gs://bucket/a?{OPTIONS}={address}") as file:
        (folder / "a").write_bytes(bytes(1 << 22))
        os.utime(folder / "a", ns=(1, 1))
        with pytest.raises(TruncatedError, match="was removed or replaced while it was read"):
            file.read_at(1 << 19, 10)


def test_an_object_without_bytes_is_tried_again(store: tuple[Path, Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)
    (store[0] / "denied").write_bytes(b"II")
    with pytest.raises(SlideNotFoundError, match="5 tries failed, the last with ConnectionAbortedError"):
        open_slide(f"gs://bucket/denied?{OPTIONS}={store[2]}")


def test_an_absent_object_is_not_found(store: tuple[Path, Path, str]) -> None:
    with pytest.raises(SlideNotFoundError, match="no such file on its store"):
        open_slide(f"gs://bucket/absent.tiff?{OPTIONS}={store[2]}")
