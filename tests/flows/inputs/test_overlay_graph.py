"""Slides among files, some of which are overlays of others."""

import numpy as np
import pytest

from flows.inputs.overlay_graph import CircleError, slides_among


def selected(overlays: dict[str, str]) -> list[str]:
    """Call with files named by letters, each with its overlays."""
    files = sorted({*overlays, *"".join(overlays.values())})
    pairs = [(files.index(owner), files.index(other)) for owner, others in overlays.items() for other in others]
    owners, others = np.array(pairs, np.int64).reshape(-1, 2).T
    return [file for file, is_slide in zip(files, slides_among(len(files), owners, others), strict=True) if is_slide]


@pytest.mark.parametrize(
    ("overlays", "slides"),
    [
        ({"a": "b"}, "a"),
        ({"a": "bc", "d": ""}, "ad"),
        ({"a": "b", "b": "c", "c": "d"}, "ac"),
        ({"a": "a", "b": "bc"}, "ab"),
        ({"z": "b", "b": "a", "a": "b"}, "az"),
        ({"a": "c", "b": "c", "c": "d"}, "abd"),
        ({}, ""),
    ],
)
def test_slides_are_the_files_that_no_slide_points_at(overlays: dict[str, str], slides: str) -> None:
    assert selected(overlays) == list(slides)


@pytest.mark.parametrize(
    ("overlays", "circle"),
    [
        ({"b": "a", "a": "b"}, "ab"),
        ({"c": "a", "b": "c", "a": "b", "s": "m"}, "abc"),
        ({"b": "ca", "c": "b"}, "bc"),
    ],
)
def test_a_circle_is_named(overlays: dict[str, str], circle: str) -> None:
    with pytest.raises(CircleError) as refused:
        selected(overlays)
    files = sorted({*overlays, *"".join(overlays.values())})
    assert [files[number] for number in refused.value.files] == list(circle)


def test_a_long_chain_is_walked_to_its_end() -> None:
    files = np.arange(2_000)
    assert slides_among(len(files), files[:-1], files[1:]).tolist() == [True, False] * 1_000
