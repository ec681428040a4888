"""The work of a data loader's worker; imports no Ray, as a spawned process imports it again."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratiopath.arrow import TileDataset

if TYPE_CHECKING:
    from multiprocessing.queues import SimpleQueue


def open_files(folder: Path) -> list[str]:
    """The files of a folder that this process has open, by the kernel's account."""
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    targets = [Path(os.readlink(link)) for link in links if os.path.lexists(link)]
    return sorted(target.name for target in targets if target.parent == folder)


def send_tiles(dataset: TileDataset, indices: list[int], folder: Path, results: "SimpleQueue[Any]") -> None:
    """Send the pixels of tiles to the parent, and the slides that are open afterwards."""
    tiles = [pixels for pixels, _ in dataset.__getitems__(indices)]
    results.put((indices, tiles, open_files(folder)))
