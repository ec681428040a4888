"""Scores of patches in HDF5: boxes with a number each."""

import h5py
import numpy as np
import pytest
import shapely

from ratiopath.annotations import Annotations, ReadOptions, is_annotation, read_outlines
from ratiopath.errors import TruncatedError, UnsupportedFormatError

COORDS = [[0, 0], [10, 0], [0, 10]]


@pytest.fixture
def write(tmp_path):
    """Write data sets and the attributes of coords; return the path."""

    def call(attributes=(("patch_size_level0", 10),), coords=COORDS, **sets) -> str:
        path = tmp_path / "scores.h5"
        with h5py.File(path, "w") as file:
            file["coords"] = coords
            file["coords"].attrs.update(dict(attributes))
            for name, numbers in sets.items():
                file[name] = numbers
        return str(path)

    return call


def boxes(path: str, **options) -> list[tuple[str, tuple[float, ...]]]:
    found = Annotations.of(read_outlines(path, ReadOptions(**options)))
    bounds = map(tuple, shapely.bounds(found.polygons).tolist())
    return list(zip((found.labels[index] for index in found.label_index), bounds, strict=True))


def test_each_patch_is_a_box_with_its_score(write):
    path = write(attention_scores=np.array([[0.25], [np.nan], [3]]))

    assert is_annotation(path)
    assert boxes(path) == [("0.25", (0, 0, 10, 10)), ("", (10, 0, 20, 10)), ("3.0", (0, 10, 10, 20))]


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"patch_size": 256, "patch_level": 0}, 256),
        ({"patch_size": 256, "patch_level": 1, "downsample": [4.0, 4.0]}, 1024),
        ({"patch_size": 256, "patch_size_level0": 512}, 512),
    ],
)
def test_the_size_of_a_patch_is_that_on_level_0(write, attributes, side):
    assert boxes(write(attributes, scores=[1, 2, 3]))[0] == ("1.0", (0, 0, side, side))


def test_size_and_data_set_can_be_named(write):
    path = write({"patch_size": 256, "patch_level": 1}, scores=[1, 2, 3], other=[4, 5, 6])

    assert boxes(path, patch_size=5, measurement="other")[2] == ("6.0", (0, 10, 5, 15))


def test_a_size_on_an_unknown_level_is_not_guessed(write):
    with pytest.raises(UnsupportedFormatError, match="how large its patches are"):
        boxes(write({"patch_size": 256, "patch_level": 1}, scores=[1, 2, 3]))


def test_links_to_other_files_are_not_followed(write, tmp_path):
    path = write(others=[1, 2, 3])
    with h5py.File(path, "a") as file:
        file["scores"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "scores")
    (tmp_path / "bytes").write_bytes(bytes(24))
    with h5py.File(path, "a") as file:
        file.create_dataset("attention", (3,), "f8", external=[(str(tmp_path / "bytes"), 0, 24)])

    with pytest.raises(UnsupportedFormatError, match="its data sets: coords, others"):
        boxes(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_ends_early_is_damaged(write, share):
    path = write(scores=np.arange(3.0))
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[: int(len(content) * share)])

    with pytest.raises(TruncatedError, match="damaged HDF5"):
        boxes(path)
