"""Slides are found in folders and patterns of stores as on this machine, without a request per file."""

from pathlib import Path

import fsspec
import pytest

from ratiopath.errors import ParameterError, SlideNotFoundError
from ratiopath.slides.paths import find_slides, folder_named_by
from tests.support.bucket import Bucket

FILES = [
    "a.tiff", "b 1.SVS", "notes.txt", "a.tiff.bak", ".hidden.tiff", ".old/c.tiff", "x/.old/c.tiff", "x/c.ome.tiff",
    "x/y/d.tiff", "m.mrxs", "m/Slidedat.ini", "m/preview.tiff", "m/deep/e.tiff", "n/e.tiff", "50%/f[1].tiff", "odd",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("slides")
    for name in FILES:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
        fsspec.filesystem("memory").pipe_file(f"{top}/{name}", b"")
    return top


def names(paths: list[str], top: str) -> list[str]:
    return sorted(path.removeprefix(f"{top}/") for path in paths)


@pytest.mark.parametrize(
    "entry",
    ["", "x", "x/y/", "*.tiff", "**/*.tiff", "x/**/*.tiff", "*/*.tiff", "[ab]*", "[!b]*.tiff", "x/**", "odd"],
)
def test_the_slides_are_those_of_this_machine(entry: str, folder: Path) -> None:
    top = f"memory:/{folder}"

    found = find_slides(f"{top}/{entry}")

    assert names(found, top) == names(find_slides(f"{folder}/{entry}"), str(folder))
    assert found


def test_a_bucket_is_listed_once_and_its_keys_are_encoded(bucket: Bucket, folder: Path, s3_log: Path) -> None:
    for name in FILES:
        bucket.client.put_object(Bucket=bucket.name, Key=f"slides/{name}", Body=b"")
    before = len(s3_log.read_text().splitlines())

    found = find_slides(bucket.uri("slides"))

    assert len(s3_log.read_text().splitlines()) == before + 1
    expected = [path.removeprefix(f"{folder}/") for path in find_slides(str(folder))]
    encoded = [name.replace("%", "%25").replace(" ", "%20").replace("[1]", "%5B1%5D") for name in expected]
    assert found == sorted(bucket.uri(f"slides/{name}") for name in encoded)
    assert find_slides(bucket.uri("slides/*%201.*")) == [bucket.uri("slides/b%201.SVS")]
    assert find_slides(bucket.uri("slides/50%25/f%5B1%5D*")) == [bucket.uri("slides/50%25/f%5B1%5D.tiff")]


def test_one_instance_stands_for_the_dicom_files_of_a_folder() -> None:
    for name in ("1/a.dcm", "1/b.dcm", "2/c.dcm"):
        fsspec.filesystem("memory").pipe_file(f"/dicom/{name}", b"")

    assert find_slides("memory://dicom") == ["memory://dicom/1/a.dcm", "memory://dicom/2/c.dcm"]


def test_the_uri_of_a_slide_is_not_looked_for() -> None:
    uris = ["S3://bucket/a b.tiff?region=eu", "https://example.org/anything", "s3://bucket/a%20b.tiff?region=eu"]

    assert find_slides(uris) == ["https://example.org/anything", "s3://bucket/a%20b.tiff?region=eu"]


@pytest.mark.parametrize("uri", ["https://example.org/slides/", "https://example.org/*.tiff"])
def test_folders_and_patterns_of_web_servers_are_refused(uri: str) -> None:
    with pytest.raises(ParameterError, match="only files are read from a store; give the URI of each file"):
        find_slides(uri)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("slides", "no such file or folder on its store"), ("slides/*.tiff", "no file on its store matches"),
        ("slides/absent", "no such file or folder on its store"),
    ],
)  # fmt: skip
def test_nothing_at_a_uri_is_an_error(entry: str, found: str, bucket: Bucket) -> None:
    with pytest.raises(SlideNotFoundError, match=found):
        find_slides(bucket.uri(entry))


def test_an_absent_bucket_is_told(bucket: Bucket) -> None:
    with pytest.raises(SlideNotFoundError, match=r"cannot list folder 's3://nowhere/x.*': no such bucket; hint: check"):
        find_slides(bucket.uri("x").replace(bucket.name, "nowhere"))


@pytest.mark.parametrize(
    ("entry", "folder"),
    [
        ("s3://bucket/slides/?region=eu", "s3://bucket/slides"), ("s3://bucket/x/a b.tiff?region=eu", "s3://bucket/x"),
        ("s3://bucket/m.csv", "s3://bucket"), ("s3://bucket/x/**/*.svs", "s3://bucket/x"), ("s3://b/x*/a", "s3://b"),
        ("https://host/x/a", "https://host/x"), ("s3://bucket", "s3://bucket"),
    ],
)  # fmt: skip
def test_the_folder_of_an_entry_has_no_options(entry: str, folder: str) -> None:
    assert folder_named_by(entry) == folder
