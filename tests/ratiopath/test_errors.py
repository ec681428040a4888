"""The exception tree."""

import pickle

import pytest

from ratiopath import errors


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_every_error_survives_pickling_with_its_class_and_message(kind):
    error = (
        kind("rule", path="a.tif", found="that", remedy="do this")
        if issubclass(kind, errors.SlideError)
        else kind("rule: found that")
    )

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is kind
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_a_slide_error_names_rule_file_finding_and_remedy():
    error = errors.MissingMppError("a slide has mpp", path="a.tif", found="no tag", remedy="pass mpp=")

    assert str(error) == "a slide has mpp: path='a.tif', no tag; pass mpp="
