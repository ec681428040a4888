"""Hugging Face `datasets` without the network."""

from typing import Any

import pytest


@pytest.fixture
def load_dataset(tmp_path_factory, monkeypatch):
    """Return datasets.load_dataset, offline and with a cache of its own."""
    cache = tmp_path_factory.mktemp("cache")
    for name in ("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(cache))
    import datasets  # noqa: PLC0415 - reads the environment when it is imported

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()

    def load(*arguments: Any, **options: Any) -> Any:
        return datasets.load_dataset(*arguments, cache_dir=str(cache), **options)

    return load
