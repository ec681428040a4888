"""Slides that an earlier run has done as they are now: inputs, settings and files are what the state index says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.config.model import CoverageConfig
from flows.records.fingerprints import Json
from flows.records.input_states import InputStates
from flows.records.output_files import OutputFiles, files_of
from flows.records.slide_description import identify
from flows.records.slide_overlays import find_overlays, inputs_digest, paths_on_stores
from flows.state.state_index import StateIndex
from flows.storage.workspace import Workspace
from ratiopath.errors import SlideError

COMPARED = 4_096
"""Slides that are compared at a time."""


@dataclass(frozen=True, slots=True)
class DoneSlides:
    """Some slides, and those among them that are done."""

    index: pa.Table
    """Rows of the state index whose files are as it says; a table of `schemas.state.slide_state`."""
    is_done: npt.NDArray[np.bool_]
    """True for each slide that is done."""
    numbers: npt.NDArray[np.int64]
    """Row of each slide that is done, in the order of the slides."""

    @classmethod
    def among(
        cls, sources: pa.Table, files: OutputFiles, config: CoverageConfig, workspace: Workspace, states: InputStates
    ) -> Self:
        """Compare slides with the state index; no file is opened.

        With `force` and with `changes: content` none is done: only reading a slide tells if its content has changed.

        Args:
            sources: Table of `flows.inputs.source_table`.
            files: Files of the output.
            config: Configuration of the run.
            workspace: Workspace of the run.
            states: States of the slides and their overlays.
        """
        index = StateIndex(config, workspace).read()
        index = index.filter(pa.array(files.match(index, files_of(config))))
        numbers = pc.index_in(sources["slide_id"], value_set=index["slide_id"])
        is_done = np.full(sources.num_rows, not config.force and config.changes == "time")
        for column in ("path", "cells"):
            is_done &= pc.equal(sources[column], index[column].take(numbers)).to_numpy() == np.True_  # null is not
        stored, folders = index["inputs"].take(numbers), config.slide_folders
        for start in range(0, sources.num_rows, COMPARED):
            candidates = start + np.flatnonzero(is_done[start : start + COMPARED])
            rows = sources.take(candidates).to_pylist()
            is_done[candidates] = _have_inputs(rows, stored.take(candidates), config, folders, states)
        return cls(index, is_done, numbers.filter(pa.array(is_done)).to_numpy().astype(np.int64))


def _have_inputs(
    sources: Sequence[Json],
    stored: pa.ChunkedArray,
    config: CoverageConfig,
    folders: Sequence[str],
    states: InputStates,
) -> list[bool]:
    states.load(path for source in sources for path in paths_on_stores(source, config))
    same = []
    for source, inputs in zip(sources, stored.to_pylist(), strict=True):
        try:
            _, identity = identify(source, config, states.fingerprint)
            _, overlays = find_overlays(source, config, folders, states.fingerprint)
        except (SlideError, OSError):
            same.append(False)  # a later task tells why
        else:
            same.append(inputs_digest(identity, overlays) == inputs)
    return same
