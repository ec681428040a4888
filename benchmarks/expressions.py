"""The public column expressions on a table, in a process of their own; the seed's library has the same names.

Run by the interpreter of either library: reads a request per line from standard input and answers with seconds.
Imports only names that both libraries have, so that both run the same code.

    {"what": "overlap", "table": "tiles.parquet", "roi": "POLYGON (...)", "rows_per_block": 16384}
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # else Ray starts each worker through uv
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import pyarrow.parquet as pq
import ray
import ray.data
import shapely
from ray.data.expressions import col

from ratiopath.tiling import read_slide_tiles, tile_overlay, tile_overlay_overlap


def expression(request):
    """Build the column of a request."""
    if request["what"] == "slide tiles":
        return read_slide_tiles(
            col("path"), col("tile_x"), col("tile_y"), col("tile_extent_x"), col("tile_extent_y"), col("level")
        )
    column = {"overlap": tile_overlay_overlap, "overlay": tile_overlay}[request["what"]]
    return column(
        shapely.from_wkt(request["roi"]),
        overlay_path=col("overlay"),
        tile_x=col("tile_x"),
        tile_y=col("tile_y"),
        mpp_x=col("mpp"),
        mpp_y=col("mpp"),
    )


def seconds(request):
    """Time the column, blocks in the order of the table."""
    table = pq.read_table(request["table"])
    rows = request["rows_per_block"]
    blocks = [table.slice(start, rows) for start in range(0, table.num_rows, rows)]
    began = time.perf_counter()
    ray.data.from_arrow(blocks).with_column("result", expression(request), num_cpus=1).materialize()
    return time.perf_counter() - began


def workers_mb():
    """Measure the private memory of our largest Ray worker, in MB (Linux)."""
    parents, sizes = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[process.name] = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if (process / "comm").read_text().startswith("ray::"):
                _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
                sizes[process.name] = (resident - shared) * os.sysconf("SC_PAGE_SIZE") / 1e6
        except OSError:
            continue  # it has ended
    return max((size for worker, size in sizes.items() if _descends(worker, parents)), default=0.0)


def _descends(process, parents):
    while process in parents and process != str(os.getpid()):
        process = parents[process]
    return process == str(os.getpid())


def main():
    """Answer requests until standard input ends."""
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR", num_cpus=2)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for line in sys.stdin:
        print(json.dumps({"seconds": seconds(json.loads(line)), "worker_mb": workers_mb()}), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
