"""Credentials in the configuration: refused wherever they stand, and in no message, schema error or file."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.cli.main import main
from flows.config.errors import ConfigurationError
from flows.config.excerpt import excerpt
from flows.config.fields import check_roi
from flows.config.model import CoverageConfig
from flows.config.uri import check_input, check_output
from flows.inputs.manifest import read_manifest
from flows.pipeline import coverage

BASE: dict[str, Any] = {
    "slides": "slides/",
    "output": "output/",
    "tiling": {"mpp": 0.5, "tile_extent": 512},
    "overlays": {"tissue": {"path": "{dir}/{stem}_mask.tiff"}},
}
SECRET = "wJalrXUtnFEMI"  # noqa: S105 - nobody's
FORMS = [
    "s3://AKIA:{}@bucket/out", "s3://AKIA:{}/with/slash@bucket/out", "s3://AKIA%3A{}%40bucket/out", "s3://{}@bucket/out",
    "S3://AKIA:{}@bucket", " s3://AKIA:{}@bucket", "s3:/AKIA:{}@bucket", "//AKIA:{}@bucket/out", "AKIA:{}@bucket/out",
    "s3://bucket/AKIA:{}@x", "s3://bucket/x#{}", "s3://bucket/x?{}", "simplecache::s3://AKIA:{}@bucket",
    "s3://bucket/out?region=eu&client_secret={}", "https://account.blob/x?sv=2022&sig={}", "s3://bucket?ACCESS_KEY={}",
    "s3://bucket?aws_secret_access_key={}", "abfs://c@a/x?account_key={}", "abfs://c:{}@a.dfs.core.windows.net/x",
    "abfs://c@a/x?connection_string=AccountKey={}", "abfs://c@a/x?sas={}", "gs://bucket/x?access_token={}",
    "s3://bucket?endpoint_override=http://user:{}@minio:9000", "s3://bucket?endpoint_override=http%3A%2F%2Fu%3A{}%40minio",
    "s3://bucket?region={}", "s3://bucket?scheme={}", "s3://bucket?%73ig={}", "s3://bucket?region=eu;token={}",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};EndpointSuffix=core.windows.net",
    "BlobEndpoint=x;SharedAccessSignature=sv=2022&sig={}", "out/?password={}", "out%3Fsig%3D{}", "out%253Ftoken%253D{}",
    "//account.blob/x?st={}&se=2026",
]  # fmt: skip
"""Texts with a place for a secret."""
PLACES = {
    "output": lambda text: {"output": text},
    "slides": lambda text: {"slides": text},
    "a list of slides": lambda text: {"slides": ["a.svs", text]},
    "exclude": lambda text: {"exclude": [text]},
    "an overlay": lambda text: {"overlays": {"tissue": {"path": text}}},
    "a replacement": lambda text: {"overlays": {"tissue": {"path": {"match": "a", "replace": text}}}},
    "another field": lambda text: {"tiling": {"mpp": text, "tile_extent": 512}},
    "a key": lambda text: {text: 1},
    "keep": lambda text: {"keep": text},
    "roi": lambda text: {"roi": text},
    "a value": lambda text: {"overlays": {"tissue": {"path": "x", "classes": {"a": [text]}}}},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", FORMS)
def test_a_credential_is_refused_and_not_repeated(form: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        CoverageConfig.model_validate({**BASE, **PLACES[place](form.format(SECRET))})
    assert SECRET not in f"{refused.value!r} {refused.value} {refused.value.__cause__} {refused.value.__context__}"


SECRETS = st.text("abcXYZ0189+/=_-.~%&;", min_size=12, max_size=40).filter(lambda text: len(set(text)) > 5)


@settings(max_examples=300, deadline=None)
@given(form=st.sampled_from(FORMS), place=st.sampled_from(["output", "slides", "an overlay"]), secret=SECRETS)
def test_no_generated_credential_is_in_an_error(form: str, place: str, secret: str) -> None:
    text = form.format(secret)
    with pytest.raises(ConfigurationError) as refused:
        CoverageConfig.model_validate({**BASE, **PLACES[place](text)})
    assert secret not in str(refused.value)
    assert quote(secret) not in str(refused.value)


FOLDERS = ["out?x={}", "out?auth={}", "/data/out?aws={}", "out%3Fx%3D{}", "out#key={}", "out;a.b={}"]
"""Options of a URI in names of folders."""


@pytest.mark.parametrize("form", FOLDERS)
def test_an_option_in_the_name_of_a_folder_is_refused_and_not_repeated(form: str) -> None:
    with pytest.raises(ConfigurationError, match="output: ") as refused:
        CoverageConfig.model_validate({**BASE, "output": form.format(SECRET)})
    assert SECRET not in str(refused.value)
    schema = parameter_schema(coverage.fn).model_dump_for_openapi()
    if "%" not in form:
        with pytest.raises(ValidationError, match="credentials in the environment") as invalid:
            validate({"config": {**BASE, "output": form.format(SECRET)}}, schema, raise_on_error=True)
        assert SECRET not in str(invalid.value)


@pytest.mark.parametrize("slides", ["batch?/*.svs", "stain=HE/a?b=1.svs", "a?.svs", "x[?]y=1/*.tiff"])
def test_a_wildcard_is_no_option(slides: str) -> None:
    assert CoverageConfig.model_validate({**BASE, "slides": slides}).slides == slides


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("is_option", [True, False])
def test_the_command_prints_and_writes_no_credential(
    form: str, is_option: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = form.format(SECRET)
    Path("c.yaml").write_text(yaml.safe_dump(BASE if is_option else {**BASE, "output": text}))
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        assert main(["--config", "c.yaml", *(["--output", text] if is_option else [])]) == 2
    assert SECRET not in out.getvalue() + err.getvalue()
    assert os.listdir() == ["c.yaml"]


@pytest.mark.parametrize("arguments", [["{}"], ["--output", "{}", "extra"], ["--tiling", "{}"], ["--force", "{}"]])
def test_an_argument_that_cannot_be_read_is_not_repeated(arguments: list[str], capsys) -> None:
    text = f"s3://AKIA:{SECRET}@bucket"
    assert main([argument.format(text) for argument in arguments]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "line",
    [
        "output: [s3://AKIA:{0}@b", "{{output: s3://AKIA:{0}@b", "a: 1\n s3://AKIA:{0}@b: x: y",
        "output: *{0}", "output: !{0} x", "output: !!python/object:{0} x", "!{0}! a", "a: &{0} 1\nb: &{0} 1",
        "a: !!float {0}", "a: !!int {0}", "a: !!bool {0}", "a: !!timestamp {0}", "a: !!map {0}",
    ],
)  # fmt: skip
def test_yaml_that_cannot_be_read_is_not_repeated(line: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "c.yaml").write_text(line.format(SECRET))
    assert main(["--config", str(tmp_path / "c.yaml")]) == 2
    assert SECRET not in "".join(capsys.readouterr())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("column", ["path", "mask", "mpp"])
def test_a_cell_of_a_manifest_is_not_repeated(form: str, column: str, tmp_path: Path) -> None:
    cells = {"path": "a.svs", "mask": "m.tiff", "mpp": "0.5", column: form.format(SECRET)}
    (tmp_path / "m.csv").write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    with pytest.raises(ConfigurationError) as refused:
        list(read_manifest(str(tmp_path / "m.csv"), {"m": "mask"}))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("place", ["output", "slides", "a list of slides", "an overlay"])
@pytest.mark.parametrize("form", ["s3://AKIA:{}@bucket/out", "s3://bucket?sig={}", "x?AccountKey={}"])
def test_prefects_schema_refuses_a_parameter_with_a_credential_and_does_not_repeat_it(form: str, place: str) -> None:
    schema = parameter_schema(coverage.fn).model_dump_for_openapi()
    with pytest.raises(ValidationError) as refused:
        validate({"config": {**BASE, **PLACES[place](form.format(SECRET))}}, schema, raise_on_error=True)
    assert SECRET not in str(refused.value)
    assert "credentials in the environment" in str(refused.value)


SAFE = [
    "output/", "/data/out put", "s3://bucket/prefix", "s3://bucket/a%20b/c?region=eu-central-1",
    "s3://b/p?region=us-east-1&scheme=http&endpoint_override=minio:9000", "gs://bucket/x?anonymous=true",
    "s3://b/p?endpoint_override=http%3A%2F%2F127.0.0.1%3A9000", "abfs://container@account.dfs.core.windows.net/x",
    "hdfs://name:8020/x?replication=2", "file:///data/x", "memory://x/y",
]  # fmt: skip


@pytest.mark.parametrize("output", SAFE)
def test_an_output_without_credentials_is_accepted(output: str) -> None:
    assert check_output(output) == output


@pytest.mark.parametrize("output", SAFE)
def test_prefects_schema_accepts_an_output_without_credentials(output: str) -> None:
    schema = parameter_schema(coverage.fn).model_dump_for_openapi()
    assert validate({"config": {**BASE, "output": output}}, schema, raise_on_error=True) == []


INPUTS = [
    "slides/", "/data/day@noon/a.tiff", "s3://bucket", "s3://bucket/slides/**/*.svs?region=eu-central-1",
    "s3://bucket/a/[ab]*.tiff", "gs://bucket/x?anonymous=true", "https://example.org:8443/a%20b.tiff",
    "s3://bucket/day@noon.tiff", "s3://b/list.csv?region=us-east-1&scheme=http&endpoint_override=minio:9000",
]  # fmt: skip


@pytest.mark.parametrize("text", INPUTS)
def test_slides_and_overlays_on_stores_are_accepted(text: str) -> None:
    template = f"{text.partition('?')[0]}/{{stem}}.tiff" if text == "s3://bucket" else text
    document = {**BASE, **PLACES["an overlay"](template), "slides": ["a.tiff", text]}
    schema = parameter_schema(coverage.fn).model_dump_for_openapi()

    assert check_input(text) == text
    assert CoverageConfig.model_validate(document).slide_entries == ["a.tiff", text]
    assert validate({"config": document}, schema, raise_on_error=True) == []


@pytest.mark.parametrize("text", ["s3://KEY/{}@bucket/slides", "s3://KEY/{}@bucket", "s3://b/x%40{}:z/a"])
def test_a_uri_with_at_outside_the_name_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        CoverageConfig.model_validate({**BASE, "slides": text.format(SECRET)})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "value", [{"client_secret": SECRET}, [f"s3://a:{SECRET}@b"], {"a": [{"b": f"x?sig={SECRET}"}]}]
)
def test_an_excerpt_holds_no_credential(value: Any) -> None:
    assert SECRET not in excerpt(value)


@pytest.mark.parametrize("roi", ["s3://KEY:TOPSECRET/with/slash@bucket", "https://a.b/x?sig=TOPSECRET"])
def test_a_roi_that_holds_a_credential_is_not_repeated(roi) -> None:
    with pytest.raises(ValueError, match="is not WKT") as refused:
        check_roi(roi)
    assert "topsecret" not in str(refused.value).lower()
