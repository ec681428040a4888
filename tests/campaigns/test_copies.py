"""Processes that copy the same files of a store at the same time, into a folder that does not hold them all."""

import multiprocessing
from pathlib import Path

from ratiopath.remote import copies
from ratiopath.remote.copies import Copies
from tests.ratiopath.remote.test_copies import CONTENT, kept


def hold_each(folder: str, uris: list[str]) -> None:
    copies._PAUSE = 0.01
    for uri in uris:
        held = Copies(folder, 2100).hold(uri)
        if Path(held.path).read_bytes() != CONTENT:
            raise AssertionError(uri)
        held.close()


def test_processes_share_copies(tmp_path: Path) -> None:
    folder, context = tmp_path / "copies", multiprocessing.get_context("spawn")
    for name in "abc":
        (tmp_path / name).write_bytes(CONTENT)
    orders = [[f"file://{tmp_path}/{name}" for name in names] for names in ("abcabcab", "bcabcabc", "cabcabca")]
    processes = [context.Process(target=hold_each, args=(str(folder), uris)) for uris in orders]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert 1 <= len(kept(folder)) <= 2
