"""Task `select slides`: the slides that the configuration names, and of them those that have to be done.

A slide whose inputs, settings and files are what the state index says is not: no later task sees it, and none of its
files is opened.
"""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.exports.names import refuse_equal_stems
from flows.inputs.dicom_index import DicomIndex
from flows.inputs.discovery import discover
from flows.records.failures import write_failures
from flows.records.input_states import InputStates
from flows.records.output_files import OutputFiles
from flows.state.done_slides import DoneSlides
from flows.state.run_state import write_carried
from flows.storage.parquet import SlidesReference, TableReference, write_groups
from flows.storage.slices import in_slices
from flows.storage.workspace import Part, Workspace
from flows.tasks.settle_layout import settle_layout

SLIDES_PER_PART = 2_048
"""Maximum number of slides of a part: the driver holds the rows of one part at a time."""


def select_slides(files: OutputFiles, config: CoverageConfig, workspace: Workspace) -> SlidesReference:
    """Find the slides, settle the layout of the output, and select the slides that an earlier run has not done.

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
    states, dicom = InputStates(), DicomIndex(workspace, by_content=config.changes == "content")
    found = discover(config, states.files, dicom)
    dicom.save()
    table = found.table
    refuse_equal_stems(in_slices(table["path"]), config.exports, config.classes)
    write_failures("discover slides", found.failures, replace(workspace, part=Part(0)))
    workspace = settle_layout(workspace, len(found), config.subfolders_from)
    done = DoneSlides.among(table, files, config, workspace, states)
    write_carried(done.index, done.numbers, table, config, workspace)
    to_do = table.filter(pa.array(~done.is_done))
    path = workspace.of_run("select_slides.parquet")
    starts = range(0, to_do.num_rows, SLIDES_PER_PART)
    write_groups((to_do.slice(start, SLIDES_PER_PART) for start in starts), path, to_do.schema, workspace)
    del found, table, done
    pa.default_memory_pool().release_unused()
    return SlidesReference(path, "select slides", layout=workspace.layout)


def parts_of(selected: TableReference, workspace: Workspace) -> Iterator[Workspace]:
    """Yield the workspace of each part of the slides that are to be done, at least one."""
    count = max(1, pq.read_metadata(selected.path, filesystem=workspace.files).num_row_groups)
    for number in range(1, count + 1):
        yield replace(workspace, part=Part(number, "" if count == 1 else f"{number} of {count}"))
