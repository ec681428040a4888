"""Publishes the page beside the tables and the pictures it shows."""

import pyarrow as pa

from flows.config import CoverageConfig
from flows.gallery.page import GENERATOR, gallery_page
from flows.tables import writing
from flows.tasks.draw_previews import remove_previews, with_picture
from flows.workspace import Workspace

PAGE = "index.html"
"""Opens from the file system."""
HEAD = 1000
"""Bytes among which a page says who made it."""


def publish_gallery(
    reports: pa.Table, failures: pa.Table, pictures: pa.Table | None, config: CoverageConfig, workspace: Workspace
) -> None:
    """Write the page; without pictures, remove what an earlier run showed, which may not be true any more.

    Args:
        reports: On each slide in the tables.
        failures: The slides put aside.
        pictures: Which slide has one; None where none was to be drawn.
        config: Of the run.
        workspace: Where it wrote.
    """
    path = workspace.published(PAGE)
    if pictures is None:
        remove_previews(workspace)
        if _is_ours(path, workspace):
            workspace.storage.remove(path)
        return
    page = gallery_page(reports.to_pylist(), failures.to_pylist(), config.classes, with_picture(pictures))
    with writing(path), workspace.whole(path) as file:
        file.write(page.encode())


def _is_ours(path: str, workspace: Workspace) -> bool:
    try:
        with workspace.files.open_input_file(path) as file:
            return GENERATOR.encode() in file.read(HEAD)
    except FileNotFoundError:
        return False
