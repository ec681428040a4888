"""A file on a store has the bytes of a local one, in few requests, or fails with a clear error."""

import io
import pickle
import threading
import time
import traceback
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ratiopath.errors import SlideError, SlideNotFoundError, TruncatedError, UnsupportedFormatError
from ratiopath.remote import pinned, retries
from ratiopath.remote.ahead import AT_ONCE, LONGEST
from ratiopath.remote.cache import BLOCK, KEPT_BYTES
from ratiopath.remote.file import WHOLE, RemoteFile
from tests.support.disturbed_store import DisturbedStore, Fault, HttpError, cut, error, slow

CONTENT = np.random.default_rng(1).bytes(9 * BLOCK + 100)
LARGE = np.random.default_rng(2).bytes(200 * BLOCK)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.0)


def opened(content: bytes, *faults: Fault) -> RemoteFile:
    """Open a file whose requests for bytes meet some faults from then on."""
    file = RemoteFile.open(DisturbedStore.holding("a", content))
    DisturbedStore.requests.clear()
    DisturbedStore.faults[:] = faults
    return file


def wait_for(requests: int) -> None:
    """Wait until some requests for bytes were made."""
    until = time.monotonic() + 10
    while len(ranges()) < requests and time.monotonic() < until:
        time.sleep(0.001)


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


def test_a_header_is_two_requests() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT)) as file:
        for place in range(0, 4000, 8):
            file.read_at(place, 8)

    assert DisturbedStore.requests == ["info", (0, BLOCK)]


def test_a_small_file_is_read_with_its_header() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT[:WHOLE])) as file:
        assert file.read() == CONTENT[:WHOLE]

    assert DisturbedStore.requests == ["info", (0, WHOLE)]


def test_each_later_request_is_followed_by_one_for_the_version() -> None:
    with opened(LARGE) as file:
        file.read_at(9 * BLOCK, 8)
        file.read_at(99 * BLOCK, 8)

    assert DisturbedStore.requests == [(9 * BLOCK, 10 * BLOCK), "info", (99 * BLOCK, 100 * BLOCK), "info"]


def test_several_places_are_followed_by_one_for_the_version() -> None:
    with opened(LARGE) as file:
        with file.checked_once():
            found = [file.read_at(number * BLOCK, 8) for number in (0, 9, 99)]
        assert found == [LARGE[number * BLOCK :][:8] for number in (0, 9, 99)]

    assert DisturbedStore.requests == [(9 * BLOCK, 10 * BLOCK), (99 * BLOCK, 100 * BLOCK), "info"]


@pytest.mark.parametrize("number", [0, 9])
def test_an_error_is_that_of_a_file_that_changed(number: int) -> None:
    file = opened(LARGE)
    DisturbedStore.contents["a"] = LARGE[::-1]

    def parse() -> None:
        with file.checked_once():
            file.read_at(number * BLOCK, 8)
            raise ValueError

    with pytest.raises(TruncatedError, match="changed while it was read"):
        parse()


def test_neighbouring_blocks_are_one_request() -> None:
    with opened(LARGE) as file:
        file.read_at(3 * BLOCK, 1)
        file.read_at(2 * BLOCK - 1, 5 * BLOCK)

    assert ranges() == [(3, 4), (1, 3), (4, 7)]


def test_reading_on_makes_longer_requests_up_to_a_limit() -> None:
    with opened(LARGE) as file:
        for number in range(64):
            assert file.read_at(number * BLOCK, 10) == LARGE[number * BLOCK : number * BLOCK + 10]

    assert sorted(ranges())[:5] == [(1, 5), (5, 9), (9, 25), (25, 41), (41, 57)]


def test_a_large_piece_is_several_requests_at_once() -> None:
    begun = threading.Barrier(3)

    def meet(content: bytes) -> bytes:
        begun.wait(10)  # for the two others
        return content

    with opened(LARGE, *[meet] * 3) as file:
        assert file.read() == LARGE


def test_the_next_request_is_made_while_the_last_is_used() -> None:
    with opened(LARGE) as file:
        file.read_at(BLOCK, 1)
        wait_for(2)

    assert sorted(ranges()) == [(1, 5), (5, 9)]


def test_an_error_ahead_is_raised_where_its_bytes_are_asked_for() -> None:
    denied: list[int] = []

    def deny_once(content: bytes) -> bytes:
        if content.startswith(LARGE[5 * BLOCK :][:9]) and not denied:
            denied.append(403)
            raise HttpError(403)
        return content

    with opened(LARGE, *[deny_once] * 99) as file:  # requests in the background come in any order
        assert file.read_at(BLOCK, 4 * BLOCK) == LARGE[BLOCK : 5 * BLOCK]
        with pytest.raises(TruncatedError, match="HTTP status 403"):
            file.read_at(5 * BLOCK, 1)
        assert file.read_at(5 * BLOCK, 1) == LARGE[5 * BLOCK : 5 * BLOCK + 1]


def test_a_jump_leaves_what_was_read_ahead() -> None:
    with RemoteFile.open(DisturbedStore.holding("a", LARGE, *[slow] * 99)) as file:
        for number in (0, 1, 100, 5, 6, 7, 90, 8, 9, 10, 60):
            place = number * BLOCK + 7
            assert file.read_at(place, BLOCK) == LARGE[place : place + BLOCK]


@pytest.mark.parametrize("is_announced", [False, True])
def test_memory_is_bounded(is_announced: bool) -> None:
    with opened(LARGE) as file:
        tracemalloc.start()
        if is_announced:
            file.expect(np.array([0]), np.array([len(LARGE)]))
        for number in range(len(LARGE) // BLOCK):
            assert file.read_at(number * BLOCK, BLOCK) == LARGE[number * BLOCK : (number + 1) * BLOCK]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert KEPT_BYTES < peak < KEPT_BYTES + (3 * LONGEST + 4) * BLOCK
    assert max(end - start for start, end in ranges()) == LONGEST


def test_blocks_read_last_are_kept() -> None:
    with opened(LARGE) as file:
        for turn in range(190):
            file.read_at(0, 1)
            file.read_at((7 * turn % 199 + 1) * BLOCK, 1)

    assert len(ranges()) > KEPT_BYTES // BLOCK
    assert (0, 1) not in ranges()


def announce(file: RemoteFile, *blocks: int) -> None:
    """Announce a byte of each block."""
    places = np.array(blocks) * BLOCK + 5
    file.expect(places, places + 1)


def test_announced_blocks_are_requested_at_once_and_read_without_further_requests() -> None:
    blocks = [3, 4, 5, 30, 90, 6, 150, 0]
    with opened(LARGE) as file:
        announce(file, *blocks)
        wait_for(AT_ONCE)
        assert sorted(ranges()) == [(3, 6), (6, 7), (30, 31), (90, 91)]
        for number in blocks:
            assert file.read_at(number * BLOCK, 9) == LARGE[number * BLOCK : number * BLOCK + 9]

    assert sorted(ranges()) == [(3, 6), (6, 7), (30, 31), (90, 91), (150, 151)]


def test_small_gaps_between_announced_blocks_are_fetched_too() -> None:
    with opened(LARGE) as file:
        announce(file, 10, 13, 17)
        for number in (10, 13, 17):
            file.read_at(number * BLOCK, 1)

    assert sorted(ranges()) == [(10, 14), (17, 18)]


def test_all_announced_bytes_are_fetched_once() -> None:
    draw = np.random.default_rng(4)
    starts = np.sort(draw.integers(0, len(LARGE), 400))
    ends = np.minimum(starts + draw.integers(0, 3 * BLOCK, 400), len(LARGE))
    with opened(LARGE, *[slow] * 20) as file:
        file.expect(starts, ends)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            assert file.read_at(start, end - start) == LARGE[start:end]

    fetched = [number for start, end in ranges() for number in range(start, end)]
    assert len(fetched) == len(set(fetched))
    assert len(fetched) / len(ranges()) > LONGEST // 2


def test_few_requests_are_made_at_once() -> None:
    held, blocks = threading.Event(), range(10, 200, 10)

    def hold(content: bytes) -> bytes:
        held.wait(10)
        return content

    with opened(LARGE, *[hold] * 99) as file:
        announce(file, *blocks)
        wait_for(AT_ONCE)
        time.sleep(0.05)
        assert len(ranges()) == AT_ONCE
        held.set()
        for number in blocks:
            assert file.read_at(number * BLOCK, 9) == LARGE[number * BLOCK : number * BLOCK + 9]

    assert len(ranges()) == len(blocks)


def test_a_block_before_announced_ones_is_fetched_alone() -> None:
    with opened(LARGE) as file:
        announce(file, *range(20, 24))
        assert file.read_at(19 * BLOCK, 6 * BLOCK) == LARGE[19 * BLOCK : 25 * BLOCK]

    assert sorted(ranges()) == [(19, 20), (20, 24), (24, 25)]


def test_what_is_read_need_not_be_what_was_announced() -> None:
    with opened(LARGE) as file:
        announce(file, *range(20, 60))
        for number in (100, 25, 99, 24, 150, 21, 60):
            assert file.read_at(number * BLOCK, BLOCK) == LARGE[number * BLOCK : (number + 1) * BLOCK]
        announce(file, 0, 180, 25)
        for number in (180, 25, 0):
            assert file.read_at(number * BLOCK, BLOCK) == LARGE[number * BLOCK : (number + 1) * BLOCK]


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

    file = opened(CONTENT, change)
    with pytest.raises(TruncatedError, match="changed while it was read"):
        file.read_at(BLOCK, 1)


def test_a_file_that_is_removed_is_an_error() -> None:
    file = RemoteFile.open(DisturbedStore.holding("a", CONTENT))
    del DisturbedStore.contents["a"]
    with pytest.raises(TruncatedError, match="was removed or replaced while it was read"):
        file.read_at(BLOCK, 1)


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
    faults = [fault] * (retries.ATTEMPTS - 1)
    with RemoteFile.open(DisturbedStore.holding("a", CONTENT, *faults)) as file:
        assert file.read_at(0, 10) == CONTENT[:10]
        DisturbedStore.faults[:] = faults
        assert file.read_at(0, len(CONTENT)) == CONTENT

    assert len(ranges()) == 2 * (1 if fault is slow else retries.ATTEMPTS)


@pytest.mark.parametrize("fault", [fault for name, fault in PASSING.items() if name != "slow"])
def test_an_error_that_stays_is_one_of_storage_without_its_text(fault) -> None:
    file = opened(CONTENT, *[fault] * 99)
    with pytest.raises(TruncatedError, match=r"^cannot read 'disturbed://a' \(5 tries failed") as caught:
        file.read_at(3 * BLOCK, 10)

    assert len(ranges()) == retries.ATTEMPTS
    assert getattr(caught.value.__cause__, "errno", None)  # callers that know errors by number may try again later
    assert "TOPSECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("fault", [HttpError(403), PermissionError(13, "denied"), HttpError(401)])
def test_denied_access_is_not_tried_again(fault: Exception) -> None:
    file = opened(CONTENT, error(fault))
    with pytest.raises(TruncatedError, match="check the credentials in the environment"):
        file.read_at(3 * BLOCK, 10)

    assert len(ranges()) == 1


@pytest.mark.parametrize("is_open", [False, True])
def test_a_request_that_hangs_is_tried_again(is_open: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "TRY_SECONDS", 0.3)
    ended = threading.Event()

    def hang(content: bytes) -> bytes:
        ended.wait(60)
        return content

    uri = DisturbedStore.holding("a", LARGE)
    file = RemoteFile.open(uri) if is_open else None
    DisturbedStore.faults[:] = [hang]
    file = file or RemoteFile.open(uri)
    assert file.read_at(9 * BLOCK, 10) == LARGE[9 * BLOCK : 9 * BLOCK + 10]
    monkeypatch.setattr(pinned, "TRY_SECONDS", 0.02)
    DisturbedStore.faults[:] = [hang] * 99
    with pytest.raises(TruncatedError, match="5 tries failed, the last with TimeoutError"):
        file.read_at(99 * BLOCK, 10)
    ended.set()


def test_a_server_without_ranges_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match="does not answer with ranges"):
        RemoteFile.open(DisturbedStore.holding("a", CONTENT, lambda content: CONTENT))
    file = opened(CONTENT, lambda content: CONTENT)
    with pytest.raises(UnsupportedFormatError, match="does not answer with ranges"):
        file.read_at(3 * BLOCK, 10)


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
    file = opened(CONTENT, *[cut] * 99)
    with pytest.raises(SlideError) as caught:
        file.read_at(3 * BLOCK, 10)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - made above
