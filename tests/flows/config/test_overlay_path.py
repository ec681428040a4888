"""Overlay paths: templates are parsed, never formatted."""

import os

import pytest
from pydantic import TypeAdapter, ValidationError

from flows.config.overlay_path import Column, OverlayPath, Pattern, folders_of_overlays, overlay_path
from ratiopath.slides.paths import folder_named_by

ADAPTER = TypeAdapter(OverlayPath)


@pytest.mark.parametrize(
    ("slide", "template", "overlay"),
    [
        ("/s/a.svs", "{dir}/{stem}_mask.tiff", "/s/a_mask.tiff"),
        ("/s/a.ome.tiff", "{dir}/{stem}_mask{suffix}", "/s/a_mask.ome.tiff"),
        ("/s/a.OME.TIF", "{dir}/{stem}_mask.tiff", "/s/a_mask.tiff"),
        ("/s/a.b.tiff", "{dir}/{stem}.png", "/s/a.b.png"),
        ("/s/a.svs", "/masks/{name}.tiff", "/masks/a.svs.tiff"),
        ("/s/a.svs", "{dir}/../masks/{stem}.tiff", "/masks/a.tiff"),
        ("/s/a b'c\"d.svs", "{dir}/{stem}.tiff", "/s/a b'c\"d.tiff"),
        ("/s/žlutý 切片.svs", "{dir}/{stem}.tiff", "/s/žlutý 切片.tiff"),
        ("/s/a\nb.svs", "{dir}/{stem}.tiff", "/s/a\nb.tiff"),
        ("/s/{name}/{0}.svs", "{dir}/{stem}.tiff", "/s/{name}/{0}.tiff"),
        ("/s/a.svs", "{dir}/{{{stem}}}.tiff", "/s/{a}.tiff"),
        ("/s/noslide", "{dir}/{stem}{suffix}.tiff", "/s/noslide.tiff"),
    ],
)
def test_a_template_names_the_overlay(slide: str, template: str, overlay: str) -> None:
    assert overlay_path(slide, ADAPTER.validate_python(template)) == overlay


S3 = "s3://b/old%20slides/50%25.ome.tiff?region=eu"


@pytest.mark.parametrize(
    ("slide", "path", "overlay"),
    [
        (S3, "{dir}/{stem}_mask.tiff", "s3://b/old%20slides/50%25_mask.tiff?region=eu"),
        (S3, "{dir}/{name}.png", "s3://b/old%20slides/50%25.ome.tiff.png?region=eu"),
        (S3, "{dir}/../masks/{stem}{suffix}", "s3://b/masks/50%25.ome.tiff?region=eu"),
        (S3, "s3://b/my%20masks/{stem}%20x.tiff", "s3://b/my%20masks/50%25%20x.tiff?region=eu"),
        (S3, "s3://masks/{stem}.tiff", "s3://masks/50%25.tiff"),
        (S3, "s3://masks/{stem}.tiff?endpoint_override=minio:9000", "s3://masks/50%25.tiff?endpoint_override=minio:9000"),
        (S3, "gs://b/{stem}.tiff", "gs://b/50%25.tiff"), (S3, "/masks/{stem}.tiff", "/masks/50%.tiff"),
        ("/s/50% ?.svs", "s3://b/{stem}.tiff", "s3://b/50%25%20%3F.tiff"),
        ("/s/a.svs", "s3://b/masks{dir}/{stem}.tiff", "s3://b/masks/s/a.tiff"),
        ("https://host/a%20b.svs", "{dir}/{stem}_mask.png", "https://host/a%20b_mask.png"),
        ("memory://x/a%20b.svs", "{dir}/{stem}_mask.png", "memory://x/a%20b_mask.png"),
        (S3, {"match": r"/old slides/(.*)\.ome\.tiff$", "replace": r"/masks/\1.png"}, "s3://b/masks/50%25.png?region=eu"),
        (S3, {"match": r".*/(.*)\.ome\.tiff", "replace": r"s3://m/\1.png?region=us"}, "s3://m/50%25.png?region=us"),
        (S3, {"match": r".*/(.*)\.ome\.tiff", "replace": r"/masks/\1.png"}, "/masks/50%.png"),
    ],
)  # fmt: skip
def test_a_slide_on_a_store_may_have_overlays_anywhere_and_the_other_way_round(slide: str, path, overlay: str) -> None:
    assert overlay_path(slide, ADAPTER.validate_python(path)) == overlay


def test_folders_of_overlays_on_stores_have_no_options() -> None:
    named = ["s3://b/old%20slides"]
    assert folders_of_overlays(S3, "{dir}/../{stem}.tiff", named) == ["s3://b/old%20slides", *named]
    assert folders_of_overlays(S3, "s3://m/my masks/x_{stem}.tiff?region=eu", named) == ["s3://m/my%20masks"]
    assert folders_of_overlays("/s/a.svs", "s3://m/{stem}.tiff", named) == ["s3://m"]


def test_a_relative_template_begins_at_the_working_directory(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert overlay_path("/s/a.svs", "masks/{stem}.tiff") == f"{tmp_path}/masks/a.tiff"


def test_a_pattern_replaces_every_match() -> None:
    pattern = Pattern(match=r"/slides/(?P<name>\w+)\.svs$", replace=r"/masks/\g<name>.tiff")
    assert overlay_path("/d/slides/a.svs", pattern) == "/d/masks/a.tiff"
    assert overlay_path("/a/a/x", Pattern(match="a", replace="b")) == "/b/b/x"


def test_a_pattern_that_does_not_match_names_no_overlay() -> None:
    assert overlay_path("/d/a.tiff", Pattern(match=r"\.svs$", replace=".tiff")) is None


def test_a_column_is_taken_from_the_manifest() -> None:
    assert overlay_path("/d/a.tiff", Column(column="mask"), "/m/a.tiff") == "/m/a.tiff"
    assert overlay_path("/d/a.tiff", Column(column="mask"), None) is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{dir}/{foo}.tiff", "has the unknown field {foo}; the fields are {dir}, {name}, {stem}, {suffix}"),
        ("{dir.__class__}", "unknown field {dir.__class__}"),
        ("{dir[0]}", "unknown field {dir[0]}"),
        ("{dir!r}", "unknown field {dir!r}"),
        ("{dir:>10}", "unknown field {dir:>10}"),
        ("{}", "unknown field {}"),
        ("{0}", "unknown field {0}"),
        ("{dir", "is not a template: expected '}' before end of string; double a literal brace"),
        ("dir}", "is not a template: Single '}'"),
        ("a\0b", "contains a NUL character"),
        ("s3://{stem}/a.tiff", "found a field in place of a bucket or host; write it out"),
        ("s3://bucket/{stem}.tiff?token=x", "has an option that is unknown"),
        ("https://host/{stem}.tiff?X-Amz-Signature=x", "may hold a credential"),
        ({"match": "a", "replace": "s3://key:secret@bucket/a"}, "has a user, a password"),
        ({"match": "(", "replace": ""}, "is not a regular expression of RE2: missing )"),
        ({"match": "a", "replace": r"\1"}, "does not fit 'a': invalid group reference 1"),
        ({"match": "a", "replace": r"\g<n>"}, "does not fit 'a'"),
    ],
)
def test_anything_else_is_refused(path, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python(path)
    assert message in str(refused.value)


def test_an_overlay_lies_in_a_folder_that_the_user_named(tmp_path) -> None:
    (tmp_path / "slides" / "a").mkdir(parents=True)
    slide, slides = f"{tmp_path}/slides/a/b.svs", f"{tmp_path}/slides"
    for entry in (slides, f"{slides}/*/*.svs", f"{slides}/list.csv"):
        assert folders_of_overlays(slide, "{dir}/../{stem}.tiff", [folder_named_by(entry)]) == [f"{slides}/a", slides]
    assert folders_of_overlays(slide, "/masks/x_{stem}.tiff", [slides]) == ["/masks"]
    assert folders_of_overlays(slide, "{stem}.tiff", [slides]) == [os.getcwd()]
    assert folders_of_overlays(slide, Pattern(match="slides", replace="masks"), [slides]) is None
    assert folders_of_overlays(slide, Column(column="mask"), [slides]) is None
