"""The memory that one header, stream or grid takes, each in a process of its own: less than a gigabyte."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bad_pictures import JPEG
from tests.support.lying import BULKY, LIES, deflate_bomb, write_lie
from tests.support.pictures import GREY_ALPHA, MAGIC, chunk, header

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="reads the peak of a process's memory as Linux gives it"
)
MAX_BYTES = 1 << 30
MEASURE = """
import sys
from shapely import box
from ratiopath.arrow import tile_overlay_overlap
from ratiopath.errors import SlideError
try:
    [found] = tile_overlay_overlap(box(0, 0, 64, 64), sys.argv[1], [0], [0], 1, 1).to_pylist()
    print(found)
except SlideError as error:
    print(type(error).__name__)
print([int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def measured(path: str) -> tuple[str, int]:
    """The end of measuring a file, and the memory of the process at its peak, in bytes."""
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    outcome, peak = done.stdout.splitlines()
    return outcome, int(peak)


@pytest.mark.parametrize("name", [*LIES, *BULKY])
def test_a_claim_of_gigabytes_takes_less_than_one(name, tmp_path) -> None:
    outcome, peak = measured(str(write_lie(tmp_path / "a.tiff", name)))
    assert peak < MAX_BYTES
    assert outcome in ({"UnsupportedImageError", "TruncatedError"} if name in LIES else {"{'0': 1.0}"})


WIDE = 4_000_000_000
GRID = """
import sys
from flows.records.slides import Slide
from flows.reports.previews.scene import Canvas
from flows.reports.tile_areas import TileAreas
from flows.tasks.slide_grid import SlideGrid
from ratiopath.errors import UnsupportedImageError
from ratiopath.geometry import Extent, Mpp
from ratiopath.roi import Roi
import shapely
width, height, stride = map(int, sys.argv[1:])
tile = Extent(stride, stride)
extent, mpp = Extent(width, height), Mpp(0.5, 0.5)
slide = Slide("a-0123456789ab", "/s/a.tiff", extent, tile, tile, mpp, 0, 1.0, extent, mpp)
try:
    grid = SlideGrid.of(slide, "keep")
    rows = sum(grid.group(number).num_rows for number in range(len(grid.group_sizes)))
    Canvas.of(slide, TileAreas.of(slide, "keep", Roi(shapely.box(0, 0, stride, stride))), 768)
except UnsupportedImageError:
    pass
print([int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


@pytest.mark.parametrize(
    "numbers", [(WIDE, 1, 512), (WIDE, 1, 4096), (1, WIDE, 4096), (WIDE, WIDE, 4096), (1 << 26, 1 << 11, 256)]
)
def test_a_grid_takes_less_than_a_gigabyte(numbers) -> None:
    command = [sys.executable, "-c", GRID, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert int(done.stdout) < MAX_BYTES


READ = """
import resource, sys
from tests.support.bad_pictures import read
from ratiopath.errors import SlideError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read(path)
        print("read")
    except SlideError as error:
        print(type(error).__name__)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_bombs_and_lies_take_bounded_memory(tmp_path: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte, and headers of gigabytes before a few bytes."""
    tail = chunk(b"IDAT", deflate_bomb(512)) + chunk(b"IEND")
    contents = {
        "deep.png": MAGIC + header(1023, 1 << 19) + tail,
        "alpha.png": MAGIC + header(511, 1 << 19, 8, GREY_ALPHA) + tail,
        "lying.png": MAGIC + header(44_000, 44_000) + chunk(b"IDAT", bytes(100)) + chunk(b"IEND"),
        "lying.jpg": JPEG.replace(b"\x08\0\x28\0\x32", b"\x08\xab\xe0\xab\xe0"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in contents]
    found = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True, check=True)
    *ends, megabytes = found.stdout.split()
    assert ends == ["read", "read", "TruncatedError", "TruncatedError"]
    assert int(megabytes) < 256
