"""The overlap column of arrays, without Ray, in a process of its own; same requests as `expressions.py`."""

import json
import sys
import time

import pyarrow.parquet as pq
import shapely

from ratiopath.arrow import tile_overlay_overlap


def seconds(request):
    """Time the column."""
    table = pq.read_table(request["table"])
    began = time.perf_counter()
    corners = table["tile_x"], table["tile_y"]
    tile_overlay_overlap(shapely.from_wkt(request["roi"]), table["overlay"], *corners, table["mpp"], table["mpp"])
    return time.perf_counter() - began


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps({"seconds": seconds(json.loads(line))}), flush=True)
