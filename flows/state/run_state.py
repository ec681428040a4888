"""State of all slides in the tables at the end of a run: those that it carried from the index, and those it has done.

In the hidden folder of the run:

    state/carried.parquet, state/000001.parquet, ...      rows of `schemas.state.slide_state`
    slides/carried.parquet, slides/000001.parquet, ...    rows of slides.parquet with cells, also of slides that failed
"""

import json
import time
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.config.model import CoverageConfig
from flows.records.failures import unread_slides
from flows.records.output_files import file_columns, files_of
from flows.records.provenance import manifest_schema
from flows.reports.previews.files import remove_previews
from flows.state.state_index import StateIndex
from flows.storage.parquet import TableReference, count_rows, read_table, write_groups, write_table
from flows.storage.slices import SLICE
from flows.storage.workspace import Workspace
from schemas.intermediate import CELLS, SECONDS, STATUS
from schemas.slide_report import report_columns
from schemas.slides import SLIDES, slides
from schemas.state import size_of, slide_state, time_of
from schemas.table import checked

STATES, FOUND, CARRIED = "state", "slides", "carried.parquet"
RESOLUTION, STORE_RESOLUTION = 0.02, 1.1
"""Time after which a file that is written anew has another time, on a folder and on a store, in s: the times of files
are taken so long after they were written, that none can change without being noticed."""
_SLIDES = pa.schema([*SLIDES.arrow, pa.field(CELLS.name, CELLS.type)])


def write_carried(
    index: pa.Table, numbers: npt.NDArray[np.int64], found: pa.Table, config: CoverageConfig, workspace: Workspace
) -> None:
    """Write the slides that this run has not to do: those that are unchanged, and those that are gone.

    Args:
        index: Rows of the state index whose files are as it says.
        numbers: Rows of the slides that are unchanged.
        found: All slides found: ids and paths.
        config: Configuration of the run.
        workspace: Workspace of the run.
    """
    is_found = pc.or_(*(pc.is_in(index[name], value_set=found[name].combine_chunks()) for name in ("slide_id", "path")))
    gone = index.filter(pc.invert(is_found)) if config.gone == "keep" and not config.force else index.slice(0, 0)
    unchanged = (_with_status(some, "unchanged") for some in _taken(index, numbers))
    states, slides = (workspace.of_run(folder, CARRIED) for folder in (STATES, FOUND))
    write_groups(chain(unchanged, [_with_status(gone, "gone")]), states, index.schema, workspace)
    write_groups(_taken(index.select(_SLIDES.names), numbers), slides, _SLIDES, workspace)


def add_part(
    slides: TableReference,
    covered: TableReference,
    kept: TableReference,
    pictures: TableReference | None,
    config: CoverageConfig,
    workspace: Workspace,
) -> None:
    """Add the slides of a part that are done to the state and to the index, with the files that they have now.

    Args:
        slides: Metadata and cells of the slides, also of those that failed later.
        covered: A row of `schemas.intermediate.COVERED` per slide.
        kept: A row of `schemas.slide_report.kept_slides` per slide that is done.
        pictures: A row of `schemas.intermediate.PICTURES` per slide; None if previews are off.
        config: Configuration of the run.
        workspace: Workspace of this part of the run.
    """
    described, measured, done = (read_table(one.path, workspace.files) for one in (slides, covered, kept))
    ids, names = done["slide_id"], [one.name for one in report_columns(config.classes) if one.name != "kept"]
    time.sleep(RESOLUTION if workspace.is_local else STORE_RESOLUTION)
    files = file_columns(ids.to_pylist(), files_of(config), workspace)
    if pictures is not None:
        troubles = _columns(read_table(pictures.path, workspace.files), ids, ["trouble"])["trouble"]
        for name in (column(file) for file in ("picture", "script") for column in (size_of, time_of)):
            files[name] = pc.if_else(troubles.is_valid(), pa.scalar(None, pa.int64()), files[name])
    columns = {
        **_columns(described, ids, _SLIDES.names),
        **_columns(measured, ids, ["status", "seconds"]),
        **{name: done[name] for name in ("inputs", "made_from", *names)},
        "kept": done["rows"],
        **files,
    }
    schema = slide_state(config.classes)
    rows = checked(pa.table([columns[name] for name in schema.arrow.names], schema.arrow), schema)
    file = f"{workspace.part.number:06d}.parquet"
    write_table(rows, workspace.of_run(STATES, file), workspace)
    found = described.select(_SLIDES.names) if "state" in described.column_names else _SLIDES.empty_table()
    write_table(found, workspace.of_run(FOUND, file), workspace)
    if rows.num_rows:
        StateIndex(config, workspace).append(rows)
    workspace.remove_folder(workspace.between())


def read_state(config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Return the state of all slides in the tables, by path; those that are gone come last."""
    rows = pa.concat_tables([slide_state(config.classes).arrow.empty_table(), *_tables(STATES, workspace)])
    keys = pa.table({"is_gone": pc.equal(rows["status"], "gone"), "path": rows["path"]})
    return _sorted(rows, keys)


def publish_slides(config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Write slides.parquet, the slides that this run found and read, by path, and return its rows."""
    rows = pa.concat_tables([_SLIDES.empty_table(), *_tables(FOUND, workspace)])
    rows = _sorted(rows, rows.select(["path"]))
    table, columns = rows.select(SLIDES.arrow.names), manifest_schema(config)
    if columns:
        cells = [json.loads(text) for text in rows["cells"].to_pylist()]
        for name, kind in columns:
            table = table.append_column(name, pa.array([one[name] for one in cells], kind))
    write_table(checked(table, slides(columns)), workspace.published("slides.parquet"), workspace)
    del rows
    pa.default_memory_pool().release_unused()
    return table


def read_carried(workspace: Workspace) -> pa.Table:
    """Return ids and paths of the slides that this run has not to do."""
    return read_table(workspace.of_run(STATES, CARRIED), workspace.files, ["slide_id", "path"])


def write_kept(state: pa.Table, workspace: Workspace) -> TableReference:
    """Write the digests of the slides' files in tiles/ for the task that exports them."""
    path = workspace.of_run("kept.parquet")
    write_table(state.select(["slide_id", "made_from"]), path, workspace)
    return TableReference(path, "filter by coverage")


def drawn_slides(state: pa.Table, config: CoverageConfig, workspace: Workspace) -> pa.ChunkedArray | None:
    """Remove the pictures of slides that are not in the tables, and of outdated tables.

    Returns:
        Ids of the slides that have a picture; None if previews are off.
    """
    if not config.previews:
        return None
    drawn = state["slide_id"].filter(state[size_of("picture")].is_valid())
    unread = pa.array(sorted(unread_slides(config, workspace)), pa.string())
    remove_previews(workspace, but=pa.chunked_array([*drawn.chunks, unread]))
    return drawn


def known_files(config: CoverageConfig, workspace: Workspace) -> pa.Table:
    """Return the sizes and times of the pictures, scripts and masks that the state index knows, by slide_id."""
    columns = [column(file) for file in ("picture", "script", "mask") for column in (size_of, time_of)]
    return StateIndex(config, workspace).read(["slide_id", *columns])


def keep_index(state: pa.Table, config: CoverageConfig, workspace: Workspace) -> None:
    """Write the state index anew, unless it holds what this run has carried, and nothing else."""
    index, carried = StateIndex(config, workspace), count_rows(workspace.of_run(STATES, CARRIED), workspace.files)
    if not carried == state.num_rows == index.count():
        index.replace(state)


def _taken(rows: pa.Table, numbers: npt.NDArray[np.int64]) -> Iterator[pa.Table]:
    """Yield some of the rows in slices."""
    return (rows.take(pa.array(numbers[start : start + SLICE])) for start in range(0, len(numbers), SLICE))


def _sorted(rows: pa.Table, keys: pa.Table) -> pa.Table:
    """Sort rows by keys; rows that are in their order, as those of a run without changes, are not copied."""
    order = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    return rows if np.array_equal(order, np.arange(len(order))) else rows.take(pa.array(order))


def _with_status(rows: pa.Table, status: str) -> pa.Table:
    """Return rows of the index as those of a run that kept their files."""
    fields = {
        STATUS.name: pa.repeat(pa.scalar(status), rows.num_rows),
        SECONDS.name: pa.nulls(rows.num_rows, SECONDS.type),
    }
    for name, column in fields.items():
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _columns(table: pa.Table, ids: pa.ChunkedArray, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Select columns, in the order of these slides."""
    numbers = pc.index_in(ids, value_set=table["slide_id"])
    return {name: table[name].take(numbers) for name in names}


def _tables(folder: str, workspace: Workspace) -> Iterator[pa.Table]:
    for name in workspace.names(workspace.of_run(folder)):
        yield read_table(workspace.of_run(folder, name), workspace.files)
