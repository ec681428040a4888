"""Every refusal names the field and the remedy, and the documented configuration is accepted."""

import json
from typing import Any

import pytest
import shapely
import yaml

from flows.config.errors import ConfigurationError
from flows.config.model import CoverageConfig
from ratiopath.geometry import Extent
from tests.support import refused_settings
from tests.support.refused_settings import GONE

DOCUMENTED = """
slides: slides/
exclude: []
output: coverage/
tiling:
  mpp: 0.5
  tile_extent: 512
  stride: 512
  last: keep
roi: null
overlays:
  tissue:
    path: "{dir}/{stem}_tissue_mask.tiff"
    classes: {tissue: [255]}
    missing: fail
keep: "tissue >= 0.5"
tolerate: 0
"""


def changed(**changes: Any) -> dict[str, Any]:
    """The documented configuration; `a__b=1` sets field b of section a."""
    return refused_settings.changed(changes, yaml.safe_load(DOCUMENTED))


def problems(document: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as error:
        CoverageConfig.model_validate(document)
    return error.value.problems


def test_the_documented_configuration_is_accepted() -> None:
    config = CoverageConfig.model_validate(changed())
    assert config.tiling.extent == config.tiling.step == Extent(512, 512)
    assert config.overlays["tissue"].classes == {"tissue": ["255"]}
    assert config.region().polygon.equals(shapely.box(0, 0, 512, 512))


def test_a_configuration_survives_json() -> None:
    config = CoverageConfig.model_validate(changed(roi=[0, 0, 10.5, 10], tolerate=0.01, tiling__stride=[256, 128]))
    assert CoverageConfig.model_validate(json.loads(config.model_dump_json())) == config


def test_defaults() -> None:
    for field in ("exclude", "roi", "keep", "tolerate", "tiling__stride", "tiling__last", "overlays__tissue__missing"):
        CoverageConfig.model_validate(changed(**{field: GONE}))
    config = CoverageConfig.model_validate(changed(tiling={"level": 1, "tile_extent": [512, 256]}, keep=GONE))
    assert (config.tiling.step, config.tiling.last, config.keep) == (Extent(512, 256), "keep", None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"foo": 1}, "foo: unknown key; known here: slides, exclude, output, tiling"),
        ({"tiling__tile_extend": 1}, "tiling.tile_extend: unknown key; did you mean tile_extent?"),
        ({"overlays__tissue__paths": 1}, "overlays.tissue.paths: unknown key; did you mean path?"),
        ({"overlays__tissue__path": {"match": "a", "replace": "b", "x": 1}}, "overlays.tissue.path.x: unknown key"),
        ({"slides": GONE}, "slides: is missing; expected: folder (searched recursively), glob"),
        ({"output": GONE}, "output: is missing; expected: output folder"),
        ({"overlays": GONE}, "overlays: is missing; expected: overlays by name"),
        ({"tiling__tile_extent": GONE}, "tiling.tile_extent: is missing; expected: tile size in pixels"),
        ({"overlays__tissue__path": GONE}, "overlays.tissue: found neither path nor detect; give"),
        ({"overlays": {}}, "overlays: is empty; expected: overlays by name, at least one"),
        ({"slides": []}, "slides: found []; give a path, or a list of at least one"),
        ({"slides": ["a", 1]}, "slides: found ['a', 1]; give a path"),
        ({"slides": "a\0b"}, "slides: found 'a\\x00b'; give a path"),
        ({"output": ""}, "output: is empty; expected: output folder"),
        ({"tiling__level": 0}, "tiling: found both mpp 0.5 and level 0; give exactly one of them"),
        ({"tiling__mpp": GONE}, "tiling: found neither mpp nor level; give exactly one of them"),
        ({"tiling__mpp": 0}, "tiling.mpp: found 0; give a number > 0"),
        ({"tiling__mpp": True}, "tiling.mpp: found True; give a number such as 1 or 0.5"),
        ({"tiling": {"level": False, "tile_extent": 1}}, "tiling.level: found False; give a number"),
        ({"tiling__tile_extent": [True, 2]}, "tiling.tile_extent: found [True, 2]; give a whole number"),
        ({"tiling__mpp": float("nan")}, "tiling.mpp: found nan; give a"),
        ({"tiling__mpp": float("inf")}, "tiling.mpp: found inf; give a finite number"),
        ({"tiling": {"level": -1, "tile_extent": 1}}, "tiling.level: found -1; give a number >= 0"),
        ({"tiling__tile_extent": 0}, "tiling.tile_extent: found 0; give a whole number of pixels > 0, or two of them"),
        ({"tiling__tile_extent": 1.5}, "tiling.tile_extent: found 1.5; give a whole number"),
        ({"tiling__tile_extent": True}, "tiling.tile_extent: found True; give a whole number"),
        ({"tiling__tile_extent": [1, 2, 3]}, "tiling.tile_extent: found [1, 2, 3]; give a whole number"),
        ({"tiling__stride": 0}, "tiling.stride: found 0; give a whole number of pixels > 0"),
        ({"tiling__stride": -512}, "tiling.stride: found -512; give a whole number of pixels > 0"),
        ({"tiling__stride": [512, 0]}, "tiling.stride: found [512, 0]; give a whole number of pixels > 0"),
        ({"tiling__last": "crop"}, "tiling.last: found 'crop'; give 'keep', 'drop' or 'shift'"),
        ({"slide_mpp": True}, "slide_mpp: found True; give a number"),
        ({"slide_mpp": -1}, "slide_mpp: found -1; give a number > 0"),
        ({"roi": [0, 0, 5]}, "roi: found [0, 0, 5]; give null, [minx, miny, maxx, maxy] or WKT"),
        ({"roi": [False, 0, 5, 5]}, "roi: found [False, 0, 5, 5]; give null, [minx, miny"),
        ({"roi": [5, 5, 1, 9]}, "roi: the box [5.0, 5.0, 1.0, 9.0] has no area; give [minx, miny"),
        ({"roi": "POLYGON ((0 0, 1"}, "roi: 'POLYGON ((0 0, 1' is not WKT: ParseException"),
        ({"roi": "POINT (1 1)"}, "roi: "),
        (
            {"overlays__tissue__roi": [5, 5, 1, 9]},
            "overlays.tissue.roi: the box [5.0, 5.0, 1.0, 9.0] has no area; give",
        ),
        (
            {"overlays__tissue__classes": {}, "overlays__tissue__dominant": True, "keep": None},
            "overlays.tissue: found dominant: true without classes to compare; name some",
        ),
        (
            {"overlays__tissue__classes": {"Tissue_Dominant": [1]}, "overlays__tissue__dominant": True, "keep": None},
            "overlays: class Tissue_Dominant of overlay tissue has the same name as column tissue_dominant of overlay",
        ),
        (
            {"overlays__tissue__dominant": True, "keep": "tissue_dominant > 0.5"},
            "keep: 'tissue_dominant' is a column of names; compare classes, such as tumor > stroma",
        ),
        ({"roi": "POLYGON EMPTY"}, "roi: invalid ROI: POLYGON EMPTY"),
        ({"roi": "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"}, "roi: invalid ROI: self-intersection at (1, 1)"),
        ({"overlays__tissue__path": "{dir}/{slide}"}, "overlays.tissue.path: '{dir}/{slide}' has the unknown field"),
        ({"overlays__tissue__path": {"match": "(", "replace": ""}}, "overlays.tissue.path.match: '(' is not a regular"),
        (
            {"overlays__tissue__path": {"match": "a"}},
            "overlays.tissue.path.replace: is missing; expected: replacement for each match",
        ),
        (
            {"overlays__tissue__path": {"column": ""}},
            "overlays.tissue.path.column: is empty; expected: column of the manifest",
        ),
        ({"overlays__tissue__path": 3}, "overlays.tissue.path: found 3; expected: template over the slide's path"),
        ({"overlays__tissue__missing": "skip"}, "overlays.tissue.missing: found 'skip'; give 'fail', 'null' or 'zero'"),
        ({"overlays__tissue__mpp": True}, "overlays.tissue.mpp: found True; give a number"),
        ({"overlays__tissue__mpp": 0}, "overlays.tissue.mpp: found 0; give a number > 0"),
        ({"overlays__a b": {"path": "x"}}, "overlays.a b: 'a b' cannot name a column; use letters, digits and _"),
        ({"overlays__tissue__classes": {"1st": [1]}}, "overlays.tissue.classes.1st: '1st' cannot name a column"),
        ({"overlays__tissue__classes": {"and": [1]}}, "overlays.tissue.classes.and: 'and' cannot name a column"),
        ({"overlays__tissue__classes": {"tissue": []}}, "overlays.tissue.classes.tissue: is empty; expected"),
        ({"overlays__tissue__classes": {"tissue": [" "]}}, "overlays.tissue.classes.tissue[0]: found ' '; give a"),
        (
            {"overlays__tissue__classes": {"tissue": [{"match": "("}]}},
            "overlays.tissue.classes.tissue[0]: match '(' is no regular expression of RE2: missing ): (; pass one",
        ),
        (
            {"overlays__tissue__classes": {"tissue": [{"regex": "a"}]}},
            "overlays.tissue.classes.tissue[0]: found {'regex': 'a'}; give {match: regex}",
        ),
        ({"overlays__tissue__origin": "corner"}, "overlays.tissue.origin: found 'corner'; give null, level0, bounds,"),
        (
            {"overlays__tissue__classes": {"tissue": ["5..1"]}},
            "overlays.tissue.classes.tissue[0]: found '5..1', which is no range of values; give '128..255' (from",
        ),
        ({"overlays__tissue__classes": {"tissue": ["a..b"]}}, "overlays.tissue.classes.tissue[0]: found 'a..b', which"),
        ({"overlays__tissue__classes": {"tissue": [1, ">x"]}}, "overlays.tissue.classes.tissue[1]: found '>x', which"),
        ({"overlays__tissue__ignore": [">0"]}, "overlays.tissue.ignore[0]: found '>0', a range of values; give labels"),
        ({"overlays__tissue__ignore": [[]]}, "overlays.tissue.ignore[0]: found []; give a number"),
        ({"overlays__tissue__stats": ["median"]}, "overlays.tissue.stats: 'median' is no statistic; give mean, min"),
        ({"overlays__tissue__stats": ["q5", "q5.0"]}, "overlays.tissue.stats: the statistic 'q5.0' is given twice"),
        ({"overlays__tissue__stats": [5]}, "overlays.tissue.stats[0]: found 5"),
        ({"overlays__tissue__scale": [0, 255]}, "overlays.tissue: found scale without stats; give stats such as"),
        (
            {"overlays__tissue__stats": ["mean"], "overlays__tissue__scale": [255, 0]},
            "overlays.tissue: invalid scale [255.0, 0.0]; give [low, high] with low < high",
        ),
        (
            {"overlays__tissue__stats": ["mean"], "overlays__tissue__measurement": "score"},
            "overlays.tissue: found measurement and classes; give each an overlay of its own, with the same path",
        ),
        (
            {"overlays__tissue__stats": ["mean"], "overlays__other": {"path": "x", "classes": {"tissue_mean": [1]}}},
            "overlays: class tissue_mean of overlay other has the same name as column tissue_mean of overlay tissue",
        ),
        ({"overlays__tissue__fill": "odd"}, "overlays.tissue.fill: found 'odd'; give 'union' or 'evenodd'"),
        ({"overlays__tissue__classes": {"tissue": ["1_0"]}}, "overlays.tissue.classes.tissue[0]: found '1_0'; give a"),
        (
            {"overlays__tissue__classes": {"tile_x": [1]}},
            "overlays: class tile_x of overlay tissue has the same name as a column",
        ),
        (
            {"overlays__tissue__classes": {"tissue_path": [1]}},
            "overlays: class tissue_path of overlay tissue has the same name as column tissue_path of overlay tissue",
        ),
        (
            {"overlays__other": {"path": "x", "classes": {"Tissue": [1]}}},
            "overlays: class Tissue of overlay other has the same name as class tissue of overlay tissue; rename",
        ),
        ({"keep": "tumor > 0.5"}, "keep: unknown column 'tumor'; the columns are tissue"),
        ({"keep": "tissue"}, "keep: 'tissue' is neither true nor false; compare it, such as tissue >= 0.5"),
        ({"keep": "tissue >"}, "keep: 'tissue >' is not an expression: invalid syntax; use class names"),
        ({"tolerate": -1}, "tolerate: found -1; give a number of slides such as 3, or a share below 1 such as 0.01"),
        ({"tolerate": 1.5}, "tolerate: found 1.5; give a number of slides"),
        ({"tolerate": 1.0}, "tolerate: found 1.0; give a number of slides"),
        (
            {"overlays__tissue__classes": {True: [1]}},
            "overlays.tissue.classes: YAML reads the name yes as true; put it in quotes",
        ),
        (
            {"overlays": {False: {"path": "x"}}, "keep": None},
            "overlays: YAML reads the name no as false; put it in quotes",
        ),
        ({"overlays": {1: {"path": "x"}}, "keep": None}, "overlays.1: the name 1 is not text; put it in quotes"),
        ({"exclude": ["../old/*"]}, "exclude[0]: '../old/*' leads outside the slide folders; write it relative"),
        ({"exclude": ["./old/*"]}, "exclude[0]: './old/*' leads outside the slide folders; write it relative"),
        ({"exclude": ["!"]}, "exclude[0]: '!' is not a gitignore pattern; write such as"),
        ({"previews": "maybe"}, "previews: found 'maybe'; give true or false"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path_and_a_remedy(changes: dict[str, Any], problem: str) -> None:
    [found] = problems(changed(**changes))
    assert found.startswith(problem)
    assert "; " in found
    assert "\n" not in found


def test_every_problem_is_told() -> None:
    found = problems(changed(tiling__stride=0, keep="foo > 1", tolerate=-1, bar=1))
    assert [line.split(":")[0] for line in found] == ["tiling.stride", "keep", "tolerate", "bar"]


def test_a_configuration_is_a_mapping() -> None:
    assert problems(["slides"])[0].startswith("configuration: found ['slides']; expected: a mapping of slides, exclude")


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ([255], ["255"]),
        (255, ["255"]),
        ([1.0, "2.0", "3"], ["1", "2", "3"]),
        ([True, False], ["1", "0"]),
        (["255, 0,0"], ["255,0,0"]),
        (["7,7,7"], ["7"]),
        ([2**53, 2**53 + 1, str(2**53 + 1)], ["9007199254740992", "9007199254740993", "9007199254740993"]),
        ([-1, 0.5], ["-1", "0.5"]),
        ([2**53, 2**53 + 1], ["9007199254740992", "9007199254740993"]),
        ([float("nan"), "-inf", -0.0], ["nan", "-inf", "0"]),
        (["128 .. 255.0", ">= .5", "<10", " > 0"], ["128..255", ">=0.5", "<10", ">0"]),
        (["<unclassified>", "Tumor..."], ["<unclassified>", "Tumor..."]),
    ],
)
def test_values_are_named_as_in_the_overlap_map(given: Any, keys: list[str]) -> None:
    config = CoverageConfig.model_validate(changed(overlays__tissue__classes={"tissue": given}))
    assert config.overlays["tissue"].classes["tissue"] == keys


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "slides-0.5-mpp-512x512"),
        ({"slides": "/data/case 7.svs", "tiling": {"level": 1, "tile_extent": [64, 32]}}, "case 7.svs-level-1-64x32"),
        ({"slides": ["a/b.tiff", "c.tiff", "d"]}, "b.tiff-and-2-more-0.5-mpp-512x512"),
    ],
)
def test_a_label_says_what_a_run_covers(changes: dict[str, Any], label: str) -> None:
    assert CoverageConfig.model_validate(changed(**changes)).label == label


def test_null_in_yaml_is_the_policy_null() -> None:
    document = yaml.safe_load(DOCUMENTED.replace("missing: fail", "missing: null"))
    assert CoverageConfig.model_validate(document).overlays["tissue"].missing == "null"


@pytest.mark.parametrize(("tolerate", "of_200"), [(0, 0), (3, 3), (0.01, 2), ("0.01", 2), ("3", 3)])
def test_tolerate_is_a_number_or_a_share(tolerate: Any, of_200: float) -> None:
    assert CoverageConfig.model_validate(changed(tolerate=tolerate)).may_put_aside(200) == of_200


def test_the_schema_describes_every_field() -> None:
    schema = CoverageConfig.model_json_schema()
    sections = [schema, *schema["$defs"].values()]
    assert {"CoverageConfig", "Tiling", "Overlay", "Pattern", "Column"} <= {section["title"] for section in sections}
    for section in sections:
        assert section["additionalProperties"] is False
        assert all("description" in field for field in section["properties"].values()), section["title"]


def test_null_is_in_the_form_of_a_deployment_too() -> None:
    missing = CoverageConfig.model_json_schema()["$defs"]["Overlay"]["properties"]["missing"]

    assert {"type": "null"} in missing["anyOf"]


def test_limits_are_in_the_form_of_a_deployment_too() -> None:
    tiling = CoverageConfig.model_json_schema()["$defs"]["Tiling"]["properties"]
    for field, limit in (("mpp", "exclusiveMinimum"), ("level", "minimum"), ("tile_extent", "exclusiveMinimum")):
        assert tiling[field]["anyOf"][0][limit] == 0


def test_a_share_of_slides_is_counted_without_rounding() -> None:
    config = CoverageConfig.model_validate(changed(tolerate=0.29))

    assert config.may_put_aside(100) == 29


NO_NUMBERS = [
    "0_5",
    "1_000",
    "\N{FULLWIDTH DIGIT ONE}",
    "1e400",
    "nan",
    "inf",
    "0x1",
    "0b1",
    "1e",
    "",
    " ",
    "1 2",
    "9" * 5000,
]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: {"tiling__mpp": text},
        lambda text: {"tiling__tile_extent": text},
        lambda text: {"tiling__stride": [8, text]},
        lambda text: {"tiling": {"level": text, "tile_extent": 8}},
        lambda text: {"tiling__tolerance": text},
        lambda text: {"slide_mpp": text},
        lambda text: {"roi": [0, 0, 5, text]},
        lambda text: {"tolerate": text},
        lambda text: {"overlays__tissue__mpp": text},
        lambda text: {"resources": {"discover_slides": {"num_cpus": text}}},
        lambda text: {"resources": {"discover_slides": {"memory": text}}},
    ],
)
def test_a_text_that_is_no_plain_decimal_number_is_refused(change: Any, text: str) -> None:
    assert all(len(problem) < 400 for problem in problems(changed(**change(text))))


@pytest.mark.parametrize("text", ["0.5", " 0.5\n", "+0.5", "5e-1", ".5", "0.50"])
def test_a_plain_decimal_number_may_be_text(text: str) -> None:
    assert CoverageConfig.model_validate(changed(tiling__mpp=text)).tiling.mpp == 0.5


@pytest.mark.parametrize("text", [text for text in NO_NUMBERS if text not in {"nan", "inf"}])
def test_an_overlay_value_is_a_plain_number_nan_or_infinity(text: str) -> None:
    with pytest.raises(ConfigurationError, match="give a number such as 255"):
        CoverageConfig.model_validate(changed(overlays__tissue__classes={"tissue": [text]}))


def test_one_statistic_needs_no_list() -> None:
    config = CoverageConfig.model_validate(changed(overlays__tissue__stats=" share > 0.50 "))
    assert config.overlays["tissue"].stats == ["share>0.5"]
    assert config.keep_names.shares == {"tissue", "tissue_inside", "tissue_share_gt_0_5"}


def test_keep_may_compare_a_statistic_with_any_number_and_a_share_with_none_beyond_1() -> None:
    heat_map = {"overlays__tissue__stats": ["mean", "share>=0.5"], "keep": "tissue_mean >= 128"}
    assert CoverageConfig.model_validate(changed(**heat_map)).keep_names.numbers == {"tissue_mean"}
    with pytest.raises(ConfigurationError, match="compare alike in every tile"):
        CoverageConfig.model_validate(changed(**heat_map | {"keep": "tissue_share_ge_0_5 >= 50"}))
