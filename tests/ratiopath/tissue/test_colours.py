"""Saturation and hue are those of HSV as the standard library computes it."""

import colorsys
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.tissue.colours import DARK, is_dark, is_pen, saturation_of

COLOURS = st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=30)


def exact_hue(red, green, blue):
    """Hue in halves of a degree, as a fraction."""
    top, chroma = max(red, green, blue), max(red, green, blue) - min(red, green, blue)
    if not chroma:
        return Fraction(0)
    if top == red:
        return Fraction(30 * (green - blue), chroma) % 180
    return 60 + Fraction(30 * (blue - red), chroma) if top == green else 120 + Fraction(30 * (red - green), chroma)


@given(COLOURS)
def test_saturation_is_that_of_hsv(colours) -> None:
    expected = [255 * colorsys.rgb_to_hsv(*(one / 255 for one in colour))[1] for colour in colours]
    found = saturation_of(np.array([colours], dtype=np.uint8))[0]
    assert np.abs(found - np.array(expected)).max() <= 0.5 + 1e-9


@given(COLOURS)
def test_ink_has_a_hue_that_no_stain_has(colours) -> None:
    rgb = np.array([colours], dtype=np.uint8)
    saturation = saturation_of(rgb)
    expected = [s > 100 and 20 < exact_hue(*colour) < 130 for colour, s in zip(colours, saturation[0], strict=True)]
    assert is_pen(rgb, saturation)[0].tolist() == expected


def test_hues_that_are_known() -> None:
    named = {"green": (20, 160, 40), "blue": (30, 60, 200), "eosin": (220, 120, 160), "haematoxylin": (90, 40, 140)}
    rgb = np.array([list(named.values())], dtype=np.uint8)
    assert dict(zip(named, is_pen(rgb, saturation_of(rgb))[0].tolist(), strict=True)) == {
        "green": True, "blue": True, "eosin": False, "haematoxylin": False,
    }  # fmt: skip


def test_dark_is_a_value_below_the_limit() -> None:
    rgb = np.array([[[DARK - 1, 0, 5], [0, DARK, 0]]], dtype=np.uint8)
    assert is_dark(rgb).tolist() == [[True, False]]
