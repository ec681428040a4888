"""Regular files and the names of formats."""

import pickle

import pytest

from ratiopath.files import format_of, is_text, read_head, start_of_text


def test_the_head_comes_with_the_size_of_the_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abcdef")

    assert read_head(str(path), 4) == (b"abcd", 6)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_starts_after_a_byte_order_mark_and_white_space(encoding):
    assert start_of_text('\n {"type"'.encode(encoding)) == b'{"type"'


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_text_may_hold_any_letters(encoding):
    assert is_text("Tumör\t1\r\n".encode(encoding))


def test_control_characters_are_no_text():
    assert not is_text(b"ab\0cd")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_are_named(protocol):
    assert format_of(pickle.dumps({"cont": []}, protocol)) == "a pickle of Python"
