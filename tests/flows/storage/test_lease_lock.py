"""The lease lock of object stores: one run holds it, others are refused, dead runs do not block."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.storage.filesystem import OutputError, Storage
from flows.storage.lock import LeaseTiming, lease_lock

FAST = LeaseTiming(heartbeat=0.2, ttl=2)


@pytest.fixture
def storage(bucket) -> Storage:
    return Storage.at(bucket.uri("out"))


def leases(storage: Storage) -> list[str]:
    return [name for name in storage.names(storage.root) if name.startswith(".lease-")]


def test_a_second_run_is_refused_until_the_first_ends(storage) -> None:
    with lease_lock(storage, FAST):
        for _ in range(3):  # random names: either may be the greater
            with (
                pytest.raises(OutputError, match=r"another run is writing to .*: process \d+ on .*; hint: wait for it"),
                lease_lock(storage),
            ):
                pass
        assert len(leases(storage)) == 1
    assert leases(storage) == []
    with lease_lock(storage, FAST):
        pass


def test_a_lease_of_a_dead_run_does_not_block(storage, bucket) -> None:
    dead = b"process 1 on a machine that is off, refreshed 000000007 times"
    for name in ("out/.lease-0", "out/.lease-z"):
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=dead)
    with lease_lock(storage, FAST):
        assert len(leases(storage)) == 1
    assert leases(storage) == []


def test_of_many_runs_that_start_at_once_one_at_a_time_holds_the_lock(storage) -> None:
    start, holding, most = threading.Barrier(6), [], []

    def one_run(number: int) -> bool:
        start.wait()
        try:
            with lease_lock(storage, FAST):
                holding.append(number)
                most.append(len(holding))
                time.sleep(1.5)
                holding.remove(number)
        except OutputError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        ended = list(pool.map(one_run, range(6)))
    assert max(most) == 1
    assert sum(ended) >= 1
    assert leases(storage) == []


def test_a_run_that_lost_its_lease_fails(storage) -> None:
    def stand_still() -> None:
        with lease_lock(storage, FAST):
            [name] = leases(storage)
            storage.remove(f"{storage.root}/{name}")
            time.sleep(0.5)

    with pytest.raises(OutputError, match="another run took over"):
        stand_still()


def test_an_error_of_the_run_is_not_hidden(storage) -> None:
    with pytest.raises(KeyError), lease_lock(storage, FAST):
        raise KeyError("a fault")
    assert leases(storage) == []
