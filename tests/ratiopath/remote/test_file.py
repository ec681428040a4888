"""A file on a store has the bytes of a local one, in few requests, or fails with a clear error."""

import io
import pickle
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote import retries
from ratiopath.remote.ahead import AT_ONCE, LONGEST
from ratiopath.remote.cache import BLOCK, KEPT_BYTES
from ratiopath.remote.file import RemoteFile
from tests.support.disturbed_store import DisturbedStore, HttpError, cut, error, slow, unchanged

CONTENT = np.random.default_rng(1).bytes(3 * BLOCK + 100)
LARGE = np.random.default_rng(2).bytes(200 * BLOCK)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)


def ranges() -> list[tuple[int, int]]:
    """The requests for bytes, in blocks."""
    return [
        (start // BLOCK, -(-end // BLOCK)) for start, end in filter(lambda one: one != "info", DisturbedStore.requests)
    ]


def test_seeking_and_reading_is_that_of_a_file_in_memory() -> None:
    draw, local = np.random.default_rng(2), io.BytesIO(CONTENT)
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT)) as file:
        for _ in range(300):
            whence = int(draw.integers(3))
            offset = int(draw.integers(len(CONTENT) + 9)) - {0: 0, 1: local.tell(), 2: len(CONTENT)}[whence]
            size = int(draw.choice([0, 1, 100, BLOCK, 2 * BLOCK + 1]))
            assert file.seek(offset, whence) == local.seek(offset, whence)
            assert file.read(size) == local.read(size)
            assert file.tell() == local.tell()
        file.seek(0)
        assert file.read() == CONTENT


def test_a_position_before_the_start_is_an_error() -> None:
    with (
        RemoteFile.open(DisturbedStore.holding("a", CONTENT)) as file,
        pytest.raises(OSError, match="Invalid argument"),
    ):
        file.seek(-1)


def test_a_header_is_one_request_between_two_for_the_version() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT)) as file:
        for place in range(0, 4000, 8):
            file.read_at(place, 8)

    assert DisturbedStore.requests == ["info", (0, BLOCK), "info"]


def test_neighbouring_blocks_are_one_request() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE)) as file:
        file.read_at(2 * BLOCK, 1)
        file.read_at(BLOCK - 1, 5 * BLOCK)

    assert ranges() == [(2, 3), (0, 2), (3, 6)]


def test_reading_on_makes_longer_requests_up_to_a_limit() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE)) as file:
        for number in range(64):
            assert file.read_at(number * BLOCK, 10) == LARGE[number * BLOCK : number * BLOCK + 10]

    assert ranges()[:6] == [(0, 1), (1, 5), (5, 9), (9, 25), (25, 41), (41, 57)]


def test_the_next_request_is_made_while_the_last_is_used() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE)) as file:
        file.read_at(0, 1)
        file.read_at(BLOCK, 1)
        until = time.monotonic() + 10
        while len(ranges()) < 3 and time.monotonic() < until:
            time.sleep(0.001)

    assert ranges() == [(0, 1), (1, 5), (5, 9)]


def test_an_error_ahead_is_raised_where_its_bytes_are_asked_for() -> None:
    faults = unchanged, unchanged, error(HttpError(403))
    with RemoteFile.open(DisturbedStore.holding("a", LARGE, *faults)) as file:
        assert file.read_at(0, 1) + file.read_at(BLOCK, 4 * BLOCK) == LARGE[:1] + LARGE[BLOCK : 5 * BLOCK]
        with pytest.raises(TruncatedError, match="HTTP status 403"):
            file.read_at(5 * BLOCK, 1)
        assert file.read_at(5 * BLOCK, 1) == LARGE[5 * BLOCK : 5 * BLOCK + 1]


def test_a_jump_leaves_what_was_read_ahead() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE, *[slow] * 99)) as file:
        for number in (0, 1, 100, 5, 6, 7, 90, 8, 9, 10, 60):
            place = number * BLOCK + 7
            assert file.read_at(place, BLOCK) == LARGE[place : place + BLOCK]


def test_the_cache_is_bounded() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE)) as file:
        assert file.read_at(0, len(LARGE)) == LARGE
        assert len(file._kept) == KEPT_BLOCKS
        assert max(end - start for start, end in ranges()) == LONGEST


def test_blocks_read_last_are_kept() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE)) as file:
        for number in range(0, 2 * KEPT_BLOCKS, 2):
            file.read_at(0, 1)
            file.read_at(number % 200 * BLOCK, 1)

    assert ranges().count((0, 1)) == 1


def test_threads_read_the_same_bytes() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT, *[slow] * 99)) as file, ThreadPoolExecutor(8) as pool:
        places = np.random.default_rng(3).integers(len(CONTENT), size=200).tolist()
        found = list(pool.map(lambda place: file.read_at(place, 1000), places))

    assert found == [CONTENT[place : place + 1000] for place in places]


def test_a_copy_keeps_the_version_and_no_block() -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT))
    assert file.read_at(0, len(CONTENT)) == CONTENT

    packed = pickle.dumps(file)
    copy = pickle.loads(packed)  # noqa: S301 - made above

    assert len(packed) < 1000
    assert (copy.version, copy.read_at(5, 5)) == (file.version, CONTENT[5:10])
    DisturbedStore.contents["a"] = CONTENT[::-1]
    with pytest.raises(TruncatedError, match="changed while it was read"):
        copy.read_at(2 * BLOCK, 5)


@pytest.mark.parametrize("later", [CONTENT[::-1], CONTENT[:BLOCK], CONTENT + b"x"], ids=["other", "shorter", "longer"])
def test_a_file_that_changes_is_an_error_not_mixed_bytes(later: bytes) -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT))
    file.read_at(0, 1)
    DisturbedStore.contents["a"] = later

    assert file.read_at(0, BLOCK) == CONTENT[:BLOCK]  # of the pinned version
    for _ in range(2):
        with pytest.raises(TruncatedError, match="changed while it was read"):
            file.read_at(BLOCK, 2 * BLOCK)


def test_a_file_that_changes_during_a_request_is_an_error() -> None:
    def change(content: bytes) -> bytes:
        DisturbedStore.contents["a"] = CONTENT[::-1]
        return content

    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT, change))
    with pytest.raises(TruncatedError, match="changed while it was read"):
        file.read_at(0, 1)


def test_a_file_that_is_removed_is_an_error() -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT))
    del DisturbedStore.contents["a"]
    with pytest.raises(TruncatedError, match="was removed while it was read"):
        file.read_at(0, 1)


PASSING = {
    "500": error(HttpError(500)),
    "503": error(HttpError(503)),
    "429": error(HttpError(429)),
    "reset": error(ConnectionResetError(104, "reset")),
    "timeout": error(TimeoutError()),
    "arrow": error(OSError("AWS Error SLOW_DOWN during GetObject operation (HTTP status 503)")),
    "library": error(RuntimeError("payload is not completed")),
    "cut": cut,
    "slow": slow,
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_an_error_that_passes_is_not_noticed(fault) -> None:
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT, *[fault] * (retries.ATTEMPTS - 1))) as file:
        assert file.read_at(0, len(CONTENT)) == CONTENT

    assert len(ranges()) == (1 if fault is slow else retries.ATTEMPTS)


@pytest.mark.parametrize("fault", [fault for name, fault in PASSING.items() if name != "slow"])
def test_an_error_that_stays_is_one_of_storage_without_its_text(fault) -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT, *[fault] * 99))
    with pytest.raises(TruncatedError, match=r"^cannot read 'disturbed://a' \(5 tries failed") as caught:
        file.read_at(0, 10)

    assert len(ranges()) == retries.ATTEMPTS
    assert getattr(caught.value.__cause__, "errno", None)  # callers that know errors by number may try again later
    assert "TOPSECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("fault", [HttpError(403), PermissionError(13, "denied"), HttpError(401)])
def test_denied_access_is_not_tried_again(fault: Exception) -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT, error(fault)))
    with pytest.raises(TruncatedError, match="check the credentials in the environment"):
        file.read_at(0, 10)

    assert len(ranges()) == 1


def test_a_server_without_ranges_is_refused() -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT, lambda content: CONTENT))
    with pytest.raises(UnsupportedFormatError, match="does not answer with ranges"):
        file.read_at(0, 10)


def test_a_server_without_sizes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = DisturbedStore.holding("a", CONTENT)
    monkeypatch.setattr(DisturbedStore, "has_size", False)
    with pytest.raises(UnsupportedFormatError, match="does not tell its size"):
        RemoteFile.open(uri)


@pytest.mark.parametrize("uri", ["disturbed://absent", "memory://absent.tiff", "nowhere://a.tiff"])
def test_an_absent_file_is_not_found(uri: str) -> None:
    DisturbedStore.holding("a", CONTENT)
    with pytest.raises(SlideNotFoundError):
        RemoteFile.open(uri)


def test_errors_survive_pickling() -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT, *[cut] * 99))
    with pytest.raises(SlideError) as caught:
        file.read_at(0, 10)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made above
