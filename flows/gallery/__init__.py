"""The gallery: one page that shows every slide of a run."""

from flows.gallery.page import gallery_page
from flows.gallery.publish import publish_gallery

__all__ = ["gallery_page", "publish_gallery"]
