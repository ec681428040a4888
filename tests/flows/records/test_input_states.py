"""States of input files: one listing per folder on a store, and the fingerprints that a worker finds by itself."""

import time
from pathlib import Path

import pytest

from flows.records.fingerprints import ReplacedError, fingerprint, require_unchanged
from flows.records.input_states import FEW, InputStates
from tests.support.bucket import Bucket


@pytest.fixture
def study(bucket: Bucket) -> Bucket:
    for number in range(3 * FEW):
        put(bucket, f"slides/case {number % 2}/{number}.tiff", bytes(number))
    put(bucket, "slides/a.mrxs", b"index")
    put(bucket, "slides/a/Data0.dat", b"pixels")
    return bucket


def put(bucket: Bucket, key: str, content: bytes) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=content)


def replace(bucket: Bucket, key: str, content: bytes | None) -> None:
    """Put another object, often in the same second, or none."""
    if content is None:
        bucket.client.delete_object(Bucket=bucket.name, Key=key)
    else:
        put(bucket, key, content)


def uris(bucket: Bucket) -> list[str]:
    return [bucket.uri(f"slides/case%20{number % 2}/{number}.tiff") for number in range(3 * FEW)]


def requests(log: Path, since: int = 0) -> list[str]:
    return [line.split('"')[1].split()[0] for line in log.read_text().splitlines()[since:] if '"' in line]


def test_a_listed_folder_gives_the_fingerprints_of_its_files(study: Bucket, s3_log: Path) -> None:
    states = InputStates()
    before = len(s3_log.read_text().splitlines())
    states.files(study.uri("slides"))
    found = [states.fingerprint(uri) for uri in [*uris(study), study.uri("slides/a.mrxs")]]

    assert requests(s3_log, before) == ["GET"]
    assert found == [fingerprint(uri, by_content=False) for uri in [*uris(study), study.uri("slides/a.mrxs")]]
    assert found[-1].keys() == {"path", "size", "version", "data"}


@pytest.mark.parametrize("is_loaded", [True, False])
def test_folders_are_listed_once_many_of_their_files_are_wanted(study: Bucket, s3_log: Path, is_loaded: bool) -> None:
    states, before = InputStates(), len(s3_log.read_text().splitlines())
    if is_loaded:
        states.load(uris(study))
    for _ in range(2):
        found = [states.fingerprint(uri)["size"] for uri in uris(study)]

    assert found == list(range(3 * FEW))
    assert sorted(requests(s3_log, before)) == ["GET"] * 2 + ([] if is_loaded else ["HEAD"] * 2 * FEW)


def test_few_files_of_a_folder_are_asked_for_one_by_one(study: Bucket, s3_log: Path) -> None:
    states, before = InputStates(), len(s3_log.read_text().splitlines())
    states.load([*uris(study)[:4], study.uri("slides/absent.tiff")])

    assert requests(s3_log, before).count("HEAD") == 5
    with pytest.raises(FileNotFoundError):
        states.fingerprint(study.uri("slides/absent.tiff"))
    assert requests(s3_log, before).count("HEAD") == 5


def test_a_uri_that_may_hold_a_credential_is_no_file(study: Bucket) -> None:
    states, odd = InputStates(), [study.uri(f"slides/{number}:x@y.tiff") for number in range(2 * FEW)]
    states.load(odd)

    assert not any(map(states.exists, odd[:2]))
    assert states.exists(uris(study)[0])


def test_listings_are_forgotten_beyond_the_limit(study: Bucket) -> None:
    states = InputStates(limit=2)
    for folder in ("slides/a", "slides/case%200", "slides/case%201"):
        states.files(study.uri(folder))

    assert [key for key, _ in states._listings] == [study.uri("slides/case%201")]


def test_a_path_of_this_machine_is_asked_for_each_time(tmp_path: Path) -> None:
    states = InputStates()
    path = tmp_path / "a.tiff"
    for content in (b"a", b"ab"):
        path.write_bytes(content)
        assert states.fingerprint(str(path)) == fingerprint(str(path), by_content=False)
        assert states.fingerprint(str(path))["size"] == len(content)


def test_the_content_of_an_object_is_hashed_as_that_of_a_file(study: Bucket, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(5))

    found, local = fingerprint(uris(study)[5], by_content=True), fingerprint(str(tmp_path / "a"), by_content=True)

    assert found == {**local, "path": uris(study)[5]}


@pytest.mark.parametrize("content", [b"12", b"123456", None])
def test_an_object_that_changes_while_it_is_measured_is_an_error(study: Bucket, content: bytes | None) -> None:
    uri = uris(study)[2]
    with (
        pytest.raises(ReplacedError, match=r"2.tiff.*' changed while it was measured"),
        require_unchanged(uri, [fingerprint(uri, by_content=False)]),
    ):
        replace(study, "slides/case 0/2.tiff", content)


def test_an_object_that_changed_before_it_is_measured_is_an_error(study: Bucket) -> None:
    uri = uris(study)[2]
    before = fingerprint(uri, by_content=False)
    time.sleep(1.1)  # the store's clock counts seconds
    put(study, "slides/case 0/2.tiff", b"12")
    with pytest.raises(ReplacedError), require_unchanged(uri, [before]):
        pass


def test_objects_that_stay_are_no_error(study: Bucket) -> None:
    with require_unchanged("a", [fingerprint(uri, by_content=False) for uri in uris(study)[:2]]):
        pass
