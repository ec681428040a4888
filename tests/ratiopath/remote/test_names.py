"""Parts of URIs and paths, and the only form of a URI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratiopath.remote.names import absolute, folder_of, joined, name_of, of_text, options_of, plain, with_options_of
from ratiopath.remote.uri import is_uri

URI = "s3://bucket/old%20slides/a%3F.ome.tiff?region=eu-central-1"
PATH = "/data/old%20slides/a?.ome.tiff"
KEYS = st.lists(st.text(min_size=1).filter(lambda name: "/" not in name and name not in {".", ".."}), min_size=1)


def test_parts_of_a_uri_and_of_a_path() -> None:
    assert (name_of(URI), name_of(PATH), name_of("a.tiff")) == ("a?.ome.tiff", "a?.ome.tiff", "a.tiff")
    assert (folder_of(URI), folder_of(PATH)) == ("s3://bucket/old%20slides", "/data/old%20slides")
    assert (options_of(URI), options_of(PATH)) == ("?region=eu-central-1", "")
    assert (plain(URI), plain(PATH)) == ("s3://bucket/old slides/a?.ome.tiff", PATH)
    assert plain("memory://50%25/a.tiff") == "memory://50%25/a.tiff"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("S3://bucket/old slides/50%.tiff", "s3://bucket/old%20slides/50%25.tiff"),
        ("s3://bucket/a/../b/./c.tiff?region=eu", "s3://bucket/b/c.tiff?region=eu"),
        ("s3://bucket/../../c.tiff", "s3://bucket/c.tiff"), ("s3://bucket/slides/", "s3://bucket/slides"),
        ("gs://bucket/", "gs://bucket"), ("s3://bucket/\u00e4%2B%C3%A4", "s3://bucket/%C3%A4+%C3%A4"),
        ("https://host/a%2Fb/../c%20d", "https://host/c%20d"), ("memory://x/../y/a%20", "memory://x/y/a%20"),
        ("/data/x/../a.tiff", "/data/a.tiff"),
    ],
)  # fmt: skip
def test_a_file_has_one_uri(given: str, expected: str) -> None:
    assert absolute(given) == expected
    assert absolute(expected) == expected


@given(KEYS)
def test_any_key_comes_back_from_its_uri(names: list[str]) -> None:
    text = "/".join(["s3://bucket", *names])
    uri = of_text(text)

    assert plain(uri) == text
    assert absolute(uri) == uri
    assert is_uri(uri)
    assert uri.isascii()
    assert not set(uri) & set(" ?#*[]")


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("s3://bucket/x?region=eu", "sub dir/50%25.tiff", "s3://bucket/x/sub%20dir/50%2525.tiff?region=eu"),
        ("s3://bucket/x?region=eu", "../a.tiff", "s3://bucket/a.tiff?region=eu"),
        ("s3://bucket/x?region=eu", "gs://other/a%20b.tiff", "gs://other/a%20b.tiff"),
        ("s3://bucket/x", "/data/./a.tiff", "/data/a.tiff"), ("/data", "a%20b.tiff", "/data/a%20b.tiff"),
        ("/data", "s3://bucket/a b.tiff", "s3://bucket/a%20b.tiff"), ("/data", "/other/a.tiff", "/other/a.tiff"),
    ],
)  # fmt: skip
def test_relative_paths_are_text_in_their_folder(folder: str, path: str, expected: str) -> None:
    assert joined(folder, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/m.tiff", "s3://bucket/m.tiff?region=eu-central-1"),
        ("s3://other/m.tiff", "s3://other/m.tiff"), ("s3://bucket/m.tiff?region=us", "s3://bucket/m.tiff?region=us"),
        ("/data/m.tiff", "/data/m.tiff"),
    ],
)  # fmt: skip
def test_options_hold_for_the_bucket_that_they_were_given_for(path: str, expected: str) -> None:
    assert with_options_of(path, URI) == expected
