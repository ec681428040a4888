"""The exception tree."""

import pickle

import pytest

from ratiopath import errors


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
)
def test_every_error_survives_pickling_with_its_class_and_message(kind):
    error = (
        kind("'a.tif' is odd", path="a.tif", hint="do this")
        if issubclass(kind, errors.SlideError)
        else kind("'a.tif' is odd")
    )

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is kind
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_slide_error_states_the_problem_then_the_hint():
    error = errors.MissingMppError("'a.tif' has no resolution", path="a.tif", hint="set slide_mpp")

    assert str(error) == "'a.tif' has no resolution; hint: set slide_mpp"
