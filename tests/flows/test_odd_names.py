"""Slides with names that could break a shell, a template, a glob, a URL or a terminal."""

import pyarrow.parquet as pq
import pytest

from tests.support.study import names, run, write_study

pytestmark = pytest.mark.usefixtures("local_ray", "server")

ODD = (
    "two\nlines",
    " spaces  at the ends ",
    'it\'s "quoted" `here` $HOME',
    "{stem} {} {{braces}}",
    "100% [a-z] *?",
    "back\\slash\ttab",
    "a|b <b>&amp; #frag ;x=1",
    "naïve Gewebe 切片 🧬",
    "cafe\u0301",  # e and a combining accent
    "key=value",
    "-rf",
)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a 'study' = {dir}\n切片"
    folder.mkdir()
    write_study(folder, *ODD)
    return folder


def test_slides_with_odd_names_are_in_the_tables(folder, tmp_path):
    output = tmp_path / "out put\n'1'"
    assert run(folder, output=str(output)).is_completed()
    assert names(output, "coverage") == {f"{name}.tiff" for name in ODD}
    for row in pq.read_table(output / "coverage", columns=["path", "tissue_path", "annotation_path"]).to_pylist():
        stem = row["path"].removesuffix(".tiff")
        assert (row["tissue_path"], row["annotation_path"]) == (f"{stem}_tissue.tiff", f"{stem}_classes.ome.tiff")
