"""Discovery of slides: globs, exclude, overlays and manifests."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.config.errors import ConfigurationError
from flows.inputs.discovery import discover
from flows.inputs.manifest import read_manifest
from tests.support.study import configured

TISSUE = {"tissue": {"path": "{dir}/{stem}_mask.tiff"}}
BY_COLUMN = {"tissue": {"path": {"column": "mask"}}}


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(folder: Path, slides: object = None, **changes: object) -> list[str]:
    """Paths relative to the folder."""
    changes = {"overlays": TISSUE, "keep": None, **changes}
    config = configured(folder, slides=str(folder) if slides is None else slides, **changes)
    return [str(Path(path).relative_to(folder)) for path in discover(config).table["path"].to_pylist()]


def test_a_folder_is_searched_recursively_for_names_of_slides(tmp_path) -> None:
    touch(tmp_path, "b.svs", "a.TIFF", "sub/deep/c.ome.tif", "notes.txt", "a.csv", ".hidden.svs", ".cache/d.svs")
    assert found(tmp_path) == ["a.TIFF", "b.svs", "sub/deep/c.ome.tif"]


def test_a_mirax_slide_with_its_data_folder_is_one_slide(tmp_path) -> None:
    touch(tmp_path, "a.mrxs", "a/Slidedat.ini", "a/Data0000.dat", "a/preview.tiff")
    assert found(tmp_path) == ["a.mrxs"]


def test_entries_overlap_and_each_slide_is_found_once(tmp_path) -> None:
    touch(tmp_path, "a.svs", "sub/b.svs", "c.bin")
    entries = [str(tmp_path), f"{tmp_path}/*.svs", f"{tmp_path}/sub/../a.svs", f"{tmp_path}/c.bin"]
    assert found(tmp_path, entries) == ["a.svs", "c.bin", "sub/b.svs"]


def test_a_recursive_glob(tmp_path) -> None:
    touch(tmp_path, "a.svs", "sub/b.svs", "sub/c.tiff")
    assert found(tmp_path, f"{tmp_path}/**/*.svs") == ["a.svs", "sub/b.svs"]


def test_names_with_magic_characters_are_taken_literally(tmp_path) -> None:
    touch(tmp_path, "a[1].svs", "sub dir/b'\"\n{x}.svs", "š片.svs")
    assert found(tmp_path) == ["a[1].svs", "sub dir/b'\"\n{x}.svs", "š片.svs"]
    assert found(tmp_path, f"{tmp_path}/a[1].svs") == ["a[1].svs"]


def test_paths_are_absolute(tmp_path, monkeypatch) -> None:
    touch(tmp_path, "slides/a.svs")
    monkeypatch.chdir(tmp_path)
    assert found(tmp_path, "slides") == ["slides/a.svs"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (["*_thumb.tiff"], ["a.svs", "old/b.svs"]),
        (["old/*"], ["a.svs", "a_thumb.tiff"]),
        (["old/"], ["a.svs", "a_thumb.tiff"]),
        (["old"], ["a.svs", "a_thumb.tiff"]),
        (["*.svs", "*_thumb.tiff"], []),
        (["*_thumb.tiff", "!old/*_thumb.tiff"], ["a.svs", "old/b.svs", "old/b_thumb.tiff"]),
        (["/*.svs"], None),
        (["**/b*"], ["a.svs", "a_thumb.tiff"]),
        (["b.svs"], ["a.svs", "a_thumb.tiff", "old/b_thumb.tiff"]),
        (["a"], ["a.svs", "a_thumb.tiff", "old/b.svs", "old/b_thumb.tiff"]),
    ],
)
def test_exclude_takes_gitignore_patterns(tmp_path, exclude: list[str], left: list[str] | None) -> None:
    touch(tmp_path, "a.svs", "a_thumb.tiff", "old/b.svs", "old/b_thumb.tiff")
    if left is None:
        with pytest.raises(ConfigurationError, match=r"exclude: '/\*.svs' is in none of the slide folders"):
            found(tmp_path, exclude=exclude)
    else:
        assert found(tmp_path, exclude=exclude) == left


@pytest.mark.parametrize("pattern", ["old/*", "old/", "old/b.svs", "**/old/*", "b.svs"])
@pytest.mark.parametrize("start", ["old", "old/slides", "old/elsewhere"])
def test_a_pattern_is_matched_below_the_slide_folder(tmp_path, monkeypatch, pattern: str, start: str) -> None:
    """Independent of the working directory and of the names of the folders above."""
    folder = touch(tmp_path / "old" / "slides", "a.svs", "old/b.svs", "older/c.svs")
    (tmp_path / "old" / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / start)
    assert found(folder, exclude=[pattern]) == ["a.svs", "older/c.svs"]


def test_a_pattern_with_a_slash_is_anchored_at_each_slide_folder(tmp_path) -> None:
    touch(tmp_path, "one/old/a.svs", "two/old/b.svs", "two/sub/old/c.svs")
    assert found(tmp_path, [f"{tmp_path}/one", f"{tmp_path}/two"], exclude=["old/*"]) == ["two/sub/old/c.svs"]


def test_an_absolute_pattern_holds_in_the_slide_folder_that_it_lies_in(tmp_path) -> None:
    touch(tmp_path, "one/old/a.svs", "two/old/b.svs")
    slides = [f"{tmp_path}/one", f"{tmp_path}/two"]
    assert found(tmp_path, slides, exclude=[f"{tmp_path}/one/old/"]) == ["two/old/b.svs"]


def test_an_absolute_pattern_outside_the_slide_folders_is_refused(tmp_path) -> None:
    touch(tmp_path, "slides/a.svs")
    with pytest.raises(ConfigurationError) as refused:
        found(tmp_path / "slides", exclude=[f"{tmp_path}/masks/*"])
    assert str(refused.value).startswith(
        f"exclude: '{tmp_path}/masks/*' is in none of the slide folders, '{tmp_path}/sli"
    )


def test_a_manifests_slide_outside_its_folder_is_matched_by_name(tmp_path) -> None:
    folder = touch(tmp_path, "old/a.svs", "old/b.svs", "lists/slides.csv") / "lists"
    (folder / "slides.csv").write_text("path\n../old/a.svs\n../old/b.svs\n")
    exclude = {"exclude": ["old/", "b.*"]}
    config = configured(folder, slides=f"{folder}/slides.csv", overlays=TISSUE, keep=None, **exclude)
    assert discover(config).table["path"].to_pylist() == [f"{tmp_path}/old/a.svs"]


def test_an_overlay_of_a_slide_is_not_a_slide(tmp_path) -> None:
    touch(tmp_path, "a.tiff", "a_mask.tiff", "b.tiff", "lonely_mask.tiff")
    assert found(tmp_path) == ["a.tiff", "b.tiff", "lonely_mask.tiff"]


def test_an_overlay_that_is_named_or_whose_slide_is_excluded_is_not_a_slide(tmp_path) -> None:
    touch(tmp_path, "a.tiff", "a_mask.tiff")
    assert found(tmp_path, [f"{tmp_path}/a_mask.tiff", f"{tmp_path}/a.tiff"]) == ["a.tiff"]
    assert found(tmp_path, exclude=["a.tiff"]) == []


def test_overlays_of_one_another_are_refused_by_name(tmp_path) -> None:
    touch(tmp_path, "a.tiff", "b.tiff", "c.tiff")
    (tmp_path / "m.csv").write_text("path,mask\na.tiff,b.tiff\nb.tiff,a.tiff\nc.tiff,\n")
    with pytest.raises(ConfigurationError) as refused:
        found(tmp_path, f"{tmp_path}/m.csv", overlays=BY_COLUMN)
    circle = f"'{tmp_path}/a.tiff' and '{tmp_path}/b.tiff'"
    assert str(refused.value).startswith(f"overlays: {circle} are overlays of one another; correct the path")


def test_the_message_of_a_long_circle_is_bounded(tmp_path) -> None:
    names = [f"{number:03}" for number in range(100)]
    rows = zip(names, [*names[1:], names[0]], strict=True)
    (tmp_path / "m.csv").write_text("path,mask\n" + "".join(f"{name},{mask}\n" for name, mask in rows))
    with pytest.raises(ConfigurationError, match=r"'.*/019' and 80 more are overlays of one another"):
        found(tmp_path, f"{tmp_path}/m.csv", overlays=BY_COLUMN)


def test_an_empty_folder_has_no_slides(tmp_path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize("entry", ["nope", "nope/*.svs", "*.svs", "a.svs"])
def test_an_entry_that_does_not_exist_is_refused(tmp_path, monkeypatch, entry: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        found(tmp_path, [str(tmp_path), entry])
    assert str(refused.value).startswith(f"slides: '{tmp_path}/{entry}' does not exist; check the path")


class TestManifest:
    def write(self, tmp_path: Path, text: str, name: str = "manifest.csv") -> str:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return str(path)

    def slides(self, tmp_path: Path, entry: str, overlays: object = BY_COLUMN) -> list[dict[str, Any]]:
        """The columns that a manifest gives."""
        table = discover(configured(tmp_path, slides=entry, overlays=overlays, keep=None)).table
        return table.drop_columns(["slide_id", "cells", "instances"]).to_pylist()

    @pytest.mark.parametrize("mpp", ["0_5", "\N{FULLWIDTH DIGIT ONE}", "1e400", "nan", "0x1", "-1", "0"])
    def test_an_mpp_that_is_no_plain_decimal_number_is_refused(self, tmp_path, mpp: str) -> None:
        with pytest.raises(ConfigurationError, match=r"mpp in row 1 of manifest .*; give a number > 0"):
            list(read_manifest(self.write(tmp_path, f"path,mpp\na.svs,{mpp}\n")))

    def test_blanks_around_an_mpp_are_ignored(self, tmp_path) -> None:
        [rows] = read_manifest(self.write(tmp_path, "path,mpp\na.svs, 0.5 \n"))
        assert rows["slide_mpp"].to_pylist() == [0.5]

    def test_rows_give_path_resolution_and_overlays(self, tmp_path) -> None:
        text = '\ufeffid,path,mpp,mask\n1,b.svs,0.25,"m/b, 1.tiff"\n2,/abs/a.svs,,\n'
        assert self.slides(tmp_path, self.write(tmp_path, text)) == [
            {"path": "/abs/a.svs", "slide_mpp": None, "tissue_source": None},
            {"path": f"{tmp_path}/b.svs", "slide_mpp": 0.25, "tissue_source": f"{tmp_path}/m/b, 1.tiff"},
        ]

    def test_parquet_says_the_same(self, tmp_path) -> None:
        rows = {"path": ["b.svs", "/abs/a.svs"], "mpp": [0.25, None], "mask": ["m/b.tiff", None]}
        pq.write_table(pa.table(rows), tmp_path / "m.parquet")
        assert self.slides(tmp_path, f"{tmp_path}/m.parquet") == [
            {"path": "/abs/a.svs", "slide_mpp": None, "tissue_source": None},
            {"path": f"{tmp_path}/b.svs", "slide_mpp": 0.25, "tissue_source": f"{tmp_path}/m/b.tiff"},
        ]

    def test_a_column_gives_the_resolution_of_an_overlay(self, tmp_path) -> None:
        by_column = {"m": {"path": "{dir}/m.tiff", "mpp": {"column": "mask_mpp"}}}
        first, second = self.slides(tmp_path, self.write(tmp_path, "path,mask_mpp\na.svs,2.5\nb.svs,\n"), by_column)
        assert first == {"path": f"{tmp_path}/a.svs", "slide_mpp": None, "m_given": 2.5}
        assert second["m_given"] is None

    def test_a_resolution_of_an_overlay_is_a_number(self, tmp_path) -> None:
        by_column = {"m": {"path": "{dir}/m.tiff", "mpp": {"column": "mask_mpp"}}}
        with pytest.raises(ConfigurationError, match=r"mask_mpp in row 1 of manifest .*; give a number > 0"):
            self.slides(tmp_path, self.write(tmp_path, "path,mask_mpp\na.svs,fine\n"), by_column)

    def test_a_manifest_without_rows_has_no_slides(self, tmp_path) -> None:
        assert self.slides(tmp_path, self.write(tmp_path, "path,mask\n")) == []
        pq.write_table(pa.table({"path": pa.array([], pa.string()), "mask": []}), tmp_path / "m.parquet")
        assert self.slides(tmp_path, f"{tmp_path}/m.parquet") == []

    def test_an_overlay_in_the_manifest_is_no_slide(self, tmp_path) -> None:
        entry = self.write(tmp_path, "path,mask\na.tiff,x.tiff\nx.tiff,\n")
        assert [slide["path"] for slide in self.slides(tmp_path, entry)] == [f"{tmp_path}/a.tiff"]

    def test_the_same_row_twice_is_one_slide(self, tmp_path) -> None:
        assert len(self.slides(tmp_path, self.write(tmp_path, "path,mask\na.svs,m.tiff\na.svs,m.tiff\n"))) == 1

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("file,mask\na,b\n", "has no column 'path', found 'file', 'mask'; add it"),
            ("path\na\n", "has no column 'mask', found 'path'; add it, or correct overlays.NAME.path.column"),
            ("path,mask\n,b\n", "row 1 of manifest"),
            ("path;mask\na.svs;0,5\n", "separate them with commas"),
            ("path,mask\na.svs,b,c\n", "cells than the header"),
            ("path,mask\na.svs\n", "cells than the header"),
            ("path,mask,mpp\na,b,\nc,d,zero\n", "mpp in row 2 of manifest"),
            ("path,mask,mpp\na,b,0_5\n", "is '0_5'; give a number > 0, µm per pixel, or leave it empty"),
            ("path,mask,mpp\na,b,-1\n", "is '-1'; give a number > 0, µm per pixel, or leave it empty"),
            ("path,mask\na.svs,x\na.svs,y\n", "has two different rows in manifests; delete one of them"),
            ('path,mask\n"a,b\n', "cannot be read"),
            ("", "has no column 'path', 'mask'"),
        ],
    )
    def test_a_manifest_that_cannot_be_used_is_refused(self, tmp_path, text: str, problem: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            self.slides(tmp_path, self.write(tmp_path, text))
        assert str(refused.value).startswith("slides: ")
        assert problem in str(refused.value)

    def test_no_manifest_no_columns(self, tmp_path) -> None:
        with pytest.raises(ConfigurationError, match=r"overlays.tissue.path.column: 'mask' is a column of a manifest"):
            self.slides(tmp_path, str(tmp_path))

    def test_a_missing_or_broken_manifest_is_refused(self, tmp_path) -> None:
        with pytest.raises(ConfigurationError, match=r"slides: manifest .* does not exist"):
            self.slides(tmp_path, f"{tmp_path}/nope.csv")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            self.slides(tmp_path, self.write(tmp_path, "no parquet", "m.parquet"))

    def test_a_column_that_nobody_reads_may_be_there_twice(self, tmp_path) -> None:
        (tmp_path / "m.csv").write_text("path,mpp,mask,note,note,,\na.svs,1,m.tiff,x,y,,\n")
        touch(tmp_path, "a.svs")
        [slide] = self.slides(tmp_path, f"{tmp_path}/m.csv")
        assert slide["slide_mpp"] == 1

    def test_a_column_that_is_there_twice_is_refused(self, tmp_path) -> None:
        (tmp_path / "m.csv").write_text("path, path\na.svs,b.svs\n")
        with pytest.raises(ConfigurationError, match=r"has the column 'path' twice; delete one of them"):
            self.slides(tmp_path, f"{tmp_path}/m.csv")

    def test_a_column_that_holds_no_paths_is_refused(self, tmp_path) -> None:
        pq.write_table(pa.table({"path": ["a.svs"], "mask": [3]}), tmp_path / "m.parquet")
        with pytest.raises(ConfigurationError, match=r"mask in row 1 of manifest .* is not a file path: 3"):
            self.slides(tmp_path, f"{tmp_path}/m.parquet")


def test_metacharacters_in_the_slide_folder_are_literal(tmp_path, monkeypatch) -> None:
    folder = touch(tmp_path / "[2023] x", "a.svs", "thumbs/b.svs")
    monkeypatch.chdir(folder)

    assert found(folder, exclude=["thumbs/*"]) == ["a.svs"]


def test_a_row_of_a_manifest_describes_a_slide_that_a_folder_holds_too(tmp_path) -> None:
    touch(tmp_path, "a.svs", "b.svs")
    manifests = [f"{tmp_path}/{name}.csv" for name in ("m", "n")]
    Path(manifests[0]).write_text("path,mpp\nb.svs,0.25\n")
    Path(manifests[1]).write_text("path\nb.svs\n")
    for entries in ([str(tmp_path), *manifests], [*reversed(manifests), str(tmp_path)]):
        table = discover(configured(tmp_path, slides=entries, overlays=TISSUE, keep=None)).table
        assert [Path(path).name for path in table["path"].to_pylist()] == ["a.svs", "b.svs"]
        assert table["slide_mpp"].to_pylist() == [None, 0.25]
    Path(manifests[1]).write_text("path,mpp\nb.svs,0.5\n")
    with pytest.raises(ConfigurationError, match=r"b\.svs' has two different rows in manifests; delete one of them"):
        found(tmp_path, manifests)


def test_a_name_that_is_no_text_takes_part_and_is_put_aside(tmp_path) -> None:
    touch(tmp_path, "a.tiff", "old/x.tiff")
    for name in (b"\xff.tiff", b"\xff_mask.tiff", b"old/\xff.tiff"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    slides = discover(configured(tmp_path, slides=str(tmp_path), overlays=TISSUE, keep=None, exclude=["old/"]))
    assert slides.table["path"].to_pylist() == [f"{tmp_path}/a.tiff"]
    assert [failure["path"] for failure in slides.failures] == [rf"{tmp_path}/\udcff.tiff"]
    assert len(slides) == 2


class TestSlices:
    @pytest.fixture(autouse=True)
    def short(self, monkeypatch) -> None:
        for module in ("flows.storage.slices", "flows.inputs.manifest"):
            monkeypatch.setattr(f"{module}.SLICE", 2)

    def test_all_slices_of_a_folder_are_found(self, tmp_path) -> None:
        names = [f"{name}{end}" for name in "edcba" for end in (".tiff", "_mask.tiff")]
        touch(tmp_path, *names)
        assert found(tmp_path, [str(tmp_path), f"{tmp_path}/*"]) == [f"{name}.tiff" for name in "abcde"]

    @pytest.mark.parametrize("form", ["csv", "parquet"])
    def test_rows_of_all_slices_of_a_manifest_are_read_and_counted(self, tmp_path, form: str) -> None:
        rows = {"path": [f"{name}.svs" for name in "abcde"], "mask": list("abcde"), "n": ["1", "2", "3", "4", "five"]}
        path = f"{tmp_path}/m.{form}"
        if form == "csv":
            Path(path).write_text("\n".join(map(",".join, [rows, *zip(*rows.values(), strict=True)])))
        else:
            pq.write_table(pa.table(rows), path)
        settings = {"slides": path, "overlays": BY_COLUMN, "keep": None}
        table = discover(configured(tmp_path, **settings, columns={"n": "text"})).table
        assert table["tissue_source"].to_pylist() == [f"{tmp_path}/{name}" for name in "abcde"]
        assert table["cells"].to_pylist() == [json.dumps({"n": n}) for n in rows["n"]]
        with pytest.raises(ConfigurationError, match=r"n in row 5 of manifest .* is 'five', no integer"):
            discover(configured(tmp_path, **settings, columns={"n": "integer"}))
