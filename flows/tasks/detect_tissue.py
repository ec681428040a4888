"""Task `detect tissue`: a mask of each slide whose overlay is not a file but the tissue that is seen on it."""

import json
from functools import partial

from flows.config.model import CoverageConfig
from flows.execution.batch import Row
from flows.records.fingerprints import Json, require_unchanged
from flows.records.masks import FOLDER, is_replaceable_mask, mask_record, stored_mask, write_mask
from flows.records.stored_files import ForeignFileError
from flows.storage.parquet import TableReference, read_table
from flows.storage.workspace import Workspace
from flows.tasks.map_slides import map_slides
from ratiopath.overlays import TissueSettings
from ratiopath.overlays import detect_tissue as tissue_of
from schemas.intermediate import masked_slides


def detect_tissue(slides: TableReference, config: CoverageConfig, workspace: Workspace) -> TableReference:
    """Write the mask of each slide to tissue/; one that was made from this very slide in this way is kept.

    Returns:
        The slides, each with the fingerprint of its mask; as they are if no overlay is detected.
    """
    overlay = config.detected
    if overlay is None or overlay.tissue is None:
        return slides
    table = read_table(slides.path, workspace.files)
    schema = masked_slides(tuple(config.manifest_columns), tuple(config.mpp_columns))
    detect = partial(_detect, settings=overlay.tissue, detector=overlay.detector)
    return map_slides(detect_tissue, table, detect, schema, config, workspace)


def _detect(row: Row, config: CoverageConfig, workspace: Workspace, settings: TissueSettings, detector: Json) -> Row:
    slide, source = row["path"], json.loads(row["identity"])
    path, record = workspace.of_slide(FOLDER, row["slide_id"]), mask_record(source, detector)
    mask = None if config.force else stored_mask(path, record, workspace)
    if mask is None:
        if not is_replaceable_mask(path, workspace):
            problem = f"{path!r} is not a mask of this program"
            raise ForeignFileError(problem, path=slide, hint="move it away, or give the slide another id")
        if workspace.is_file(path):
            workspace.remove(path)  # should this slide fail, its old mask is not to be taken for a new one
        with require_unchanged(slide, [json.loads(row["state"])]):
            found = tissue_of(slide, settings, source["mpp"])
        mask = write_mask(found, record, path, workspace)
    return {**row, "mask": json.dumps(mask)}
