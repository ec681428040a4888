"""Task `discover slides`: the metadata of the slides that are to be done."""

import pyarrow.parquet as pq

from flows.config.model import CoverageConfig
from flows.records.slide_description import describe
from flows.storage.parquet import TableReference
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from schemas.intermediate import discovered_slides


def discover_slides(selected: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Read the metadata that tiling needs of the slides of one part.

    Args:
        selected: Slides that are to be done, a row group per part.
        config: Configuration of the run.
        workspace: Workspace of the part.

    Returns:
        The readable slides, with the cells of their manifest.
    """
    with pq.ParquetFile(selected.path, filesystem=workspace.files) as file:
        number = workspace.part.number - 1
        table = file.read_row_group(number) if file.num_row_groups else file.schema_arrow.empty_table()
    schema = discovered_slides(tuple(config.manifest_columns), tuple(config.mpp_columns))
    return map_slides(discover_slides, table, describe, schema, config, workspace, tiles=[0] * table.num_rows)
