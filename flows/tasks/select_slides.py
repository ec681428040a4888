"""Task `select slides`: the slides that the configuration names, and of them those that have to be done.

A slide whose inputs, settings and files are what the state index says is not: no later task sees it, and none of its
files is opened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.exports.names import refuse_equal_stems
from flows.inputs.discovery import discover
from flows.inputs.source_table import source_table, unusable
from flows.records.failures import write_failures
from flows.records.input_states import InputStates
from flows.records.output_files import OutputFiles, files_of
from flows.records.slide_description import given_mpp, identify
from flows.records.slide_overlays import find_overlays, inputs_digest, paths_on_stores
from flows.state.run_state import write_carried
from flows.state.state_index import StateIndex
from flows.storage.parquet import TableReference, write_groups
from flows.storage.workspace import Part, Workspace
from ratiopath.errors import SlideError

COMPARED = 10_000
"""Slides that are compared at a time."""
SLIDES_PER_PART = 2_048
"""Maximum number of slides of a part: the driver holds the rows of one part at a time."""


def select_slides(files: OutputFiles, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Find the slides, and select those that an earlier run has not done as they are now.

    Args:
        files: Files of the output, listed by this run.
        config: Configuration of the run.
        workspace: Workspace of the run.

    Returns:
        The slides to be done, in row groups that are parts; see `parts_of`. The others are carried, with those that are
        gone: see `flows.state.run_state`.

    Raises:
        ConfigurationError: An entry of `slides` does not exist or cannot be used, or two slides would have one name in
            an export.
    """
    states = InputStates()
    sources = discover(config, states.files)
    found = [source for source in sources if unusable(source.path) is None]
    refuse_equal_stems((source.path for source in found), config.exports, config.classes)
    write_failures("discover slides", list(filter(None, (unusable(one.path) for one in sources))), workspace)
    table = source_table(found, config)
    del sources, found
    index = StateIndex(config, workspace).read()
    index = index.filter(pa.array(files.match(index, files_of(config))))
    is_done, numbers = _compare(table, index, config, states)
    write_carried(index, numbers[is_done], table, config, workspace)
    to_do = table.filter(pa.array(~is_done))
    path = workspace.of_run("select_slides.parquet")
    starts = range(0, to_do.num_rows, SLIDES_PER_PART)
    write_groups((to_do.slice(start, SLIDES_PER_PART) for start in starts), path, to_do.schema, workspace)
    return TableReference(path, "select slides")


def parts_of(selected: TableReference, workspace: Workspace) -> Iterator[Workspace]:
    """Yield the workspace of each part of the slides that are to be done, at least one."""
    count = max(1, pq.read_metadata(selected.path, filesystem=workspace.files).num_row_groups)
    for number in range(1, count + 1):
        yield replace(workspace, part=Part(number, "" if count == 1 else f"{number} of {count}"))


def _compare(
    sources: pa.Table, index: pa.Table, config: CoverageConfig, states: InputStates
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Tell which slides are done, and give the row of each in the index.

    With `changes: content` none is: only reading it tells if a slide has changed.
    """
    numbers = pc.index_in(sources["slide_id"], value_set=index["slide_id"])
    is_done = np.full(sources.num_rows, not config.force and config.changes == "time")
    for column in ("path", "cells"):
        is_done &= pc.equal(sources[column], index[column].take(numbers)).to_numpy() == np.True_  # null is not
    stored = index["inputs"].take(numbers)
    folders = config.slide_folders
    for start in range(0, sources.num_rows, COMPARED):
        candidates = start + np.flatnonzero(is_done[start : start + COMPARED])
        is_done[candidates] = _have_inputs(sources.take(candidates), stored.take(candidates), config, folders, states)
    return is_done, numbers.fill_null(-1).to_numpy().astype(np.int64)


def _have_inputs(
    sources: pa.Table, stored: pa.ChunkedArray, config: CoverageConfig, folders: Sequence[str], states: InputStates
) -> list[bool]:
    same, rows, ask = [], sources.to_pylist(), states.fingerprint
    states.load(path for row in rows for path in paths_on_stores(row, config))
    for source, inputs in zip(rows, stored.to_pylist(), strict=True):
        try:
            _, identity = identify(source["path"], given_mpp(source, config), config, ask)
            _, overlays = find_overlays(source, config, folders, ask)
        except (SlideError, OSError):
            same.append(False)  # a later task tells why
        else:
            same.append(inputs_digest(identity, overlays) == inputs)
    return same
