"""Shards end with a slide, unless it is larger than two of them; rows keep their order."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.exports.shards import ShardWriter, pieces_of

SCHEMA = pa.schema({"slide_id": pa.string(), "x": pa.int64(), "noise": pa.binary()})
"""The last column does not compress, so that the bytes of a file follow from its rows."""


def rows(slide_id, count, start=0):
    noise = [os.urandom(1000) for _ in range(count)]
    return pa.table({"slide_id": [slide_id] * count, "x": range(start, start + count), "noise": noise}, schema=SCHEMA)


def written(folder, slides, **sizes):
    """Write slides, given as the rows of each of their pieces."""
    with ShardWriter(folder, SCHEMA, **sizes) as writer:
        for number, counts in enumerate(slides):
            starts = [sum(counts[:n]) for n in range(len(counts))]
            pieces = [rows(f"s{number}", count, start) for count, start in zip(counts, starts, strict=True)]
            writer.write_slide(f"s{number}", iter(pieces))
    return writer.shards


def read(folder, shards):
    table = pa.concat_tables(pq.read_table(folder / shard.file) for shard in shards)
    return list(zip(table["slide_id"].to_pylist(), table["x"].to_pylist(), strict=True))


def test_a_full_shard_ends_with_the_slide(tmp_path) -> None:
    shards = written(tmp_path, [[10]] * 5, shard_bytes=15_000, group_rows=10)
    assert [(shard.rows, shard.first_slide, shard.last_slide) for shard in shards] == [
        (20, "s0", "s1"),
        (20, "s2", "s3"),
        (10, "s4", "s4"),
    ]
    assert [shard.bytes for shard in shards] == [(tmp_path / shard.file).stat().st_size for shard in shards]
    assert [shard.file for shard in shards] == [f"tiles-0000{n}.parquet" for n in range(3)]


def test_a_slide_is_cut_between_row_groups_at_twice_the_size(tmp_path) -> None:
    shards = written(tmp_path, [[10] * 7, [10]], shard_bytes=15_000, group_rows=10)
    assert [(shard.rows, shard.first_slide, shard.last_slide) for shard in shards] == [
        (30, "s0", "s0"),
        (30, "s0", "s0"),
        (20, "s0", "s1"),
    ]
    assert read(tmp_path, shards) == [*(("s0", x) for x in range(70)), *(("s1", x) for x in range(10))]


def test_small_slides_share_row_groups(tmp_path) -> None:
    [shard] = written(tmp_path, [[3]] * 10, shard_bytes=1 << 20, group_rows=12)
    assert [piece.num_rows for piece in pieces_of(tmp_path / shard.file)] == [12, 12, 6]


def test_slides_without_rows_leave_no_trace_but_one_table(tmp_path) -> None:
    [shard] = written(tmp_path, [[0], [2], [0]], shard_bytes=1 << 20, group_rows=2)
    assert (shard.rows, shard.first_slide, shard.last_slide) == (2, "s1", "s1")
    [shard] = written(tmp_path, [[0], []], shard_bytes=1 << 20, group_rows=2)
    assert (shard.rows, pq.read_table(tmp_path / shard.file).schema) == (0, SCHEMA)


def test_a_full_last_shard_is_not_followed_by_an_empty_one(tmp_path) -> None:
    assert [shard.rows for shard in written(tmp_path, [[10], [10]], shard_bytes=1, group_rows=10)] == [10, 10]


def test_an_error_leaves_no_open_file(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), ShardWriter(tmp_path, SCHEMA, 1 << 20) as writer:
        writer.write_slide("s0", (rows("s0", 1 // n) for n in (1, 0)))
    assert writer.shards == []
