"""A measurement of GeoJSON objects in place of their labels."""

import json

import pytest

from ratiopath.annotations import Annotations, ReadOptions, read_outlines
from ratiopath.errors import TruncatedError, UnsupportedFormatError

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]}


def labels(path, *measurements, name="score") -> list[str]:
    features = [
        {"type": "Feature", "geometry": SQUARE, "properties": {"name": "a", "objectType": "tile", "measurements": one}}
        for one in measurements
    ]
    path.write_text(json.dumps(features))
    found = Annotations.of(read_outlines(str(path), ReadOptions(measurement=name)))
    return [found.labels[index] for index in found.label_index]


def test_both_forms_of_measurements_are_read(tmp_path):
    old = [{"name": "other", "value": 1}, {"name": "score", "value": 0.5}]

    assert labels(tmp_path / "a.json", {"score": 1, "other": 2}, old) == ["1.0", "0.5"]


@pytest.mark.parametrize("nothing", [{"score": "NaN"}, {"score": float("nan")}, {"score": None}, {"a": 1}, {}, None])
def test_an_object_without_a_number_has_no_label(tmp_path, nothing):
    assert labels(tmp_path / "a.json", {"score": 0}, nothing) == ["0.0", ""]


def test_a_measurement_that_no_object_has_is_refused_with_those_that_they_have(tmp_path):
    with pytest.raises(UnsupportedFormatError, match=r"no measurement 'score' \(its measurements: a, b\)"):
        labels(tmp_path / "a.json", {"a": 1}, {"b": 1})


def test_a_file_without_objects_has_no_numbers(tmp_path):
    assert labels(tmp_path / "a.json") == []


@pytest.mark.parametrize("wrong", ["high", [1], True, {"a": 1}])
def test_a_measurement_that_is_no_number_is_damage(tmp_path, wrong):
    with pytest.raises(TruncatedError, match="in feature 2 that is no number"):
        labels(tmp_path / "a.json", {"score": 1}, {"score": wrong})
