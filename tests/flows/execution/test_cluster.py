"""Address of, code for, and resources on a Ray cluster; requests that would wait for ever are refused."""

import os

import pytest

from flows.config.errors import ConfigurationError
from flows.config.resources import Request
from flows.execution.ray_runtime import DEFAULT_MEMORY, address, reserved, runtime_env

NODE = {"CPU": 4.0, "memory": 8e9}


def test_a_ray_client_address_is_refused_with_the_alternatives(monkeypatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ConfigurationError, match=r"found 'ray://head:10001'; give the address .* or submit the run"):
        address()


def test_a_credential_in_a_ray_client_address_is_not_repeated(monkeypatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://user:SECRET@head:10001?token=SECRET")
    with pytest.raises(ConfigurationError) as refused:
        address()
    assert "SECRET" not in str(refused.value)
    assert "found 'ray://***@head:10001?***'; give" in str(refused.value)


def test_code_is_shipped_unless_the_image_has_it(monkeypatch) -> None:
    monkeypatch.delenv("RATIOPATH_CODE", raising=False)
    assert [os.path.basename(folder) for folder in runtime_env()["py_modules"]] == ["flows", "ratiopath", "schemas"]
    monkeypatch.setenv("RATIOPATH_CODE", "image")
    assert runtime_env() == {}
    monkeypatch.setenv("RATIOPATH_CODE", "baked")
    with pytest.raises(ConfigurationError, match="found 'baked'; set ship, or image"):
        runtime_env()


def test_a_task_reserves_at_most_the_memory_of_the_largest_node() -> None:
    assert reserved(Request(), [NODE], may_grow=False) == {"num_cpus": 1, "memory": DEFAULT_MEMORY}
    assert reserved(Request(), [{"CPU": 1.0, "memory": 5e8}], may_grow=False) == {"num_cpus": 1, "memory": 5e8}
    asked = Request(num_cpus=0.5, memory=2_000_000_000)
    assert reserved(asked, [NODE], may_grow=False) == {"num_cpus": 0.5, "memory": 2_000_000_000}


@pytest.mark.parametrize("asked", [Request(num_cpus=5), Request(memory=9_000_000_000)])
def test_a_task_that_fits_no_node_is_refused_unless_the_cluster_may_grow(asked) -> None:
    with pytest.raises(ConfigurationError, match="machine, which has 4 processors and 8000000000 bytes; ask for less"):
        reserved(asked, [NODE], may_grow=False)
    assert reserved(asked, [NODE], may_grow=True)["num_cpus"] == asked.num_cpus
