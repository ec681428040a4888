"""Colours of shares over the slide: told apart, and read back against the legend."""

import numpy as np
import pytest

from flows.reports.previews.colours import (
    GREYS,
    STEPS,
    TABLE,
    UNKNOWN,
    composite,
    greys_of,
    steps_of,
)


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours (IEC 61966-2-1, CIE 15)."""
    values = colours / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


ALL_GREYS = np.arange(GREYS, dtype=np.uint8)
ALL_SHARES = np.linspace(0, 1, 201, dtype=np.float32)


def test_a_larger_share_is_darker_over_every_grey_of_the_slide() -> None:
    shown = lightness(composite(steps_of(ALL_SHARES)[:, None], ALL_GREYS))
    assert (np.diff(shown, axis=0) <= 0).all()
    assert (np.diff(lightness(composite(np.arange(STEPS + 1)[:, None], ALL_GREYS)), axis=0) < -1.5).all()


def test_a_tile_over_any_grey_is_read_back_to_within_a_step_and_nothing_is_never_something() -> None:
    steps = steps_of(ALL_SHARES)
    shown = composite(steps[:, None], ALL_GREYS).astype(float)
    legend = TABLE[: STEPS + 1, GREYS // 2].astype(float)
    nearest = ((shown[:, :, None] - legend) ** 2).sum(axis=-1).argmin(axis=-1)
    assert np.abs(nearest - steps[:, None]).max() <= 1
    np.testing.assert_array_equal(nearest == 0, np.broadcast_to(ALL_SHARES[:, None] == 0, nearest.shape))


@pytest.mark.parametrize(
    ("share", "step"), [(0, 0), (1e-6, 1), (0.01, 1), (0.05, 1), (0.06, 2), (0.35, 7), (0.5, 10), (1, STEPS)]
)
def test_a_step_holds_its_upper_bound(share, step) -> None:
    assert steps_of(np.float32([share])) == [step]


def test_an_unknown_share_has_a_step_of_its_own() -> None:
    assert steps_of(np.float32([np.nan])) == [UNKNOWN]


def test_stained_tissue_keeps_its_contrast_in_grey() -> None:
    found = greys_of(np.uint8([[[250, 250, 250], [226, 160, 196], [86, 50, 126]]]))
    assert found.tolist() == [[GREYS - 1, 4, 0]]
