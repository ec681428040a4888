"""The gallery: one page that shows every slide of a run."""

from flows.gallery.page import gallery_page

__all__ = ["gallery_page"]
