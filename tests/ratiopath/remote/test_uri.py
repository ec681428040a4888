"""URIs that name one file pass; those that may hold a credential are refused and not repeated."""

import pytest

from ratiopath.annotations import read_outlines
from ratiopath.errors import ParameterError, RatiopathError
from ratiopath.overlays import open_overlay
from ratiopath.remote.uri import check_uri, is_uri
from ratiopath.slides import open_slide

SECRET = "TOPSECRET"  # noqa: S105 - none


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/a.tiff", "gs://bucket/old slides/ä+1.tiff", "https://example.org:8443/a.tiff", "memory://a.tiff",
        "s3://b/p/a.tiff?region=us-east-1&scheme=http&endpoint_override=minio:9000", "s3://bucket/day@noon.tiff",
        "gs://bucket/a?anonymous=true",
    ],
)  # fmt: skip
def test_the_uri_of_a_file_passes(uri: str) -> None:
    assert check_uri(uri) == uri


@pytest.mark.parametrize(
    "form",
    [
        "s3://AKIA:{}@bucket/a.tiff", "s3://AKIA:{}/with/slash@bucket/a.tiff", "s3://AKIA%3A{}%40bucket/a.tiff",
        "s3://{}@bucket/a.tiff", "s3://bucket/AKIA:{}@x", "s3://bucket/x#{}", "s3://bucket/x?{}", "S3://AKIA:{}@bucket/a",
        "simplecache::s3://AKIA:{}@bucket/a.tiff", "https://example.org/a.tiff?X-Amz-Signature={}",
        "s3://bucket/a?region=eu&client_secret={}", "s3://bucket/a?region={}", "memory://a.tiff?region={}",
        "gs://bucket/a?region={}",
        "https://example.org/https://key:{}@host/a.tiff",
        "s3://bucket/a?endpoint_override=http://user:{}@minio:9000",
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", [check_uri, open_slide, open_overlay, read_outlines])
def test_a_credential_is_refused_and_not_repeated(form: str, call) -> None:
    with pytest.raises(RatiopathError) as caught:
        call(form.format(SECRET))

    assert isinstance(caught.value, ParameterError)
    assert SECRET not in str(caught.value)


def test_paths_of_this_machine_are_none() -> None:
    assert not any(map(is_uri, ["/data/a.tiff", "a.tiff", "a:b.tiff", "C:/a.tiff", "/a/http://b", b"s3://a/b", None]))
