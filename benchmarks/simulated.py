"""An output of very many slides that no run has made.

It has rows of the state index, and files of which only size and time are right: a run that finds nothing to do looks
at no more.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.cohort import Cohort
from benchmarks.driver import run
from flows.cli.options import read_configuration
from flows.config.model import CoverageConfig
from flows.inputs.discovery import discover
from flows.records.output_files import PLACES, files_of
from flows.records.output_layout import with_stored_layout
from flows.records.slide_description import identify
from flows.records.slide_overlays import find_overlays, inputs_digest
from flows.state.state_index import StateIndex
from flows.storage.workspace import Workspace
from schemas.state import size_of, time_of

REAL = 20
"""Slides that a run does, whose rows stand for the others."""


def simulate(cohort: Cohort, slides: int) -> Path:
    """Make slides and the output of a run over them; return the configuration."""
    path = cohort.configure(previews=True, subfolders_from=1)
    cohort.write(min(REAL, slides))
    run(cohort, path)
    cohort.write(slides, are_stubs=True)
    config = read_configuration(["--config", str(path)])
    workspace = with_stored_layout(Workspace.at(config.output))
    index = StateIndex(config, workspace)
    rows = _rows(index.read(), config)
    _write_files(rows, config, workspace)
    index.replace(rows)
    return path


def _rows(real: pa.Table, config: CoverageConfig) -> pa.Table:
    """Give each slide its row, or that of another slide with its own names and inputs."""
    sources = discover(config).table
    own = pc.index_in(sources["slide_id"], value_set=real["slide_id"])
    rows = real.take(pc.coalesce(own, pa.array(np.arange(sources.num_rows) % real.num_rows, pa.int32())))
    inputs = [_digest(source, config) for batch in sources.to_batches(10_000) for source in batch.to_pylist()]
    own_columns = {name: sources[name] for name in ("slide_id", "path", "cells")} | {"inputs": pa.array(inputs)}
    for name, column in own_columns.items():
        field = rows.schema.field(name)
        rows = rows.set_column(rows.column_names.index(name), field, column.cast(field.type))
    return rows


def _digest(source: dict[str, object], config: CoverageConfig) -> str:
    _, identity = identify(source, config)
    return inputs_digest(identity, find_overlays(source, config, config.slide_folders)[1])


def _write_files(rows: pa.Table, config: CoverageConfig, workspace: Workspace) -> None:
    """Write the files that are missing, without content, with the size and time that the rows have."""
    for name in files_of(config):
        folder, suffix = PLACES[name]
        columns = (rows[column].to_pylist() for column in ("slide_id", size_of(name), time_of(name)))
        for slide_id, size, time in zip(*columns, strict=True):
            path = workspace.of_slide(folder, slide_id, suffix)
            if not os.path.exists(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Path(path).touch()
                os.truncate(path, size)
                os.utime(path, ns=(time, time))
