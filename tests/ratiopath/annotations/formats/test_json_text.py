"""JSON that Python's own module writes but JSON does not allow."""

import gc
import json

import pytest

from ratiopath.annotations.formats.json_text import json_format, paused_collection, strict_json
from ratiopath.errors import TruncatedError


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_tokens_that_json_lacks_become_strings(value):
    content = json.dumps([{"a": value, "b": [value, 1]}]).encode()

    assert json.loads(strict_json(content, "a.json")) == [{"a": "", "b": ["", 1]}]


@pytest.mark.parametrize("text", ["NaN", '"NaN"', "\\", '\\"', '\\"NaN', "a\\\\", "-Infinity"])
def test_strings_stay_as_they_are(text):
    content = json.dumps({text: text, "x": float("nan")}).encode()

    assert json.loads(strict_json(content, "a.json")) == {text: text, "x": ""}


def test_strict_json_is_not_copied():
    content = b'{"a": "NaN"}'

    assert strict_json(content, "a.json") is content


@pytest.mark.parametrize("content", [b'[NaN, "' + b'\\"' * 500_000, b"[NaN" + b'"' * 500_001, b"[NaNN]", b"[nan]"])
def test_other_text_is_refused_in_linear_time(content):
    with pytest.raises(TruncatedError):
        strict_json(content, "a.json")


def test_the_keys_are_told():
    assert json_format(b'[{"b": 1, "a": 2}]', "a.json") == (None, ("b", "a"))


def test_the_collector_is_paused():
    with paused_collection():
        assert not gc.isenabled()


def test_the_collector_runs_again_after_an_error():
    with pytest.raises(ValueError, match="abc"), paused_collection():
        int("abc")
    assert gc.isenabled()
