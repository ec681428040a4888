"""What tells a file from another in its place."""

import os

import pytest

from flows.records.provenance import fingerprint


def write(path, content, changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def mirax(tmp_path):
    for name, changed in (("x.mrxs", 1000), ("x/a.dat", 5000), ("x/more/b.dat", 1000)):
        write(tmp_path / name, b"1234", changed)
    return tmp_path / "x.mrxs"


@pytest.mark.parametrize("by_content", [False, True])
def test_a_part_replaced_by_one_of_the_same_size_is_seen(mirax, by_content):
    before = fingerprint(str(mirax), by_content=by_content)
    assert fingerprint(str(mirax), by_content=by_content) == before

    write(mirax.parent / "x" / "more" / "b.dat", b"4321", 2000)

    assert fingerprint(str(mirax), by_content=by_content) != before


def test_by_content_a_time_is_no_difference(mirax):
    before = fingerprint(str(mirax), by_content=True)
    os.utime(mirax, ns=(9, 9))
    assert fingerprint(str(mirax), by_content=True) == before
    assert before["sha256"] == "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"


def test_a_file_that_is_not_there_has_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        fingerprint(str(tmp_path / "nope"), by_content=False)
