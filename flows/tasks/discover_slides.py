"""Task `discover slides`: the slides that the configuration names, with their metadata."""

import json

import pyarrow as pa

from flows.config.model import CoverageConfig
from flows.exports.names import refuse_equal_stems
from flows.inputs.discovery import discover
from flows.inputs.source_table import source_table, unusable
from flows.records.provenance import manifest_schema
from flows.records.slide_description import describe
from flows.storage.parquet import TableReference, read_table, write_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from schemas.intermediate import discovered_slides
from schemas.slides import SLIDES, slides
from schemas.table import checked


def discover_slides(config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Find the slides, read the metadata that tiling needs, and publish slides.parquet.

    Returns:
        The readable slides, with the cells of their manifest.

    Raises:
        ConfigurationError: An entry of `slides` does not exist or cannot be used, or two slides would have one name in
            an export.
    """
    sources = discover(config)
    failures = [failure for source in sources if (failure := unusable(source.path)) is not None]
    found = [source for source in sources if unusable(source.path) is None]
    refuse_equal_stems((source.path for source in found), config.exports, config.classes)
    table = source_table(found, config)
    schema = discovered_slides(tuple(config.manifest_columns), tuple(config.mpp_columns))
    reference = map_slides(discover_slides, table, describe, schema, config, workspace, failures=failures)
    table, columns = read_table(reference.path, workspace.files), manifest_schema(config)
    cells = [json.loads(text) for text in table["cells"].to_pylist()]
    published = table.select(SLIDES.arrow.names)
    for name, kind in columns:
        published = published.append_column(name, pa.array([one[name] for one in cells], kind))
    write_table(checked(published, slides(columns)), workspace.published("slides.parquet"), workspace)
    return reference
