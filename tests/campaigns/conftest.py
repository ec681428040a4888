"""Folders, as the tests of the flow have them."""

from tests.flows.conftest import folder, output

__all__ = ["folder", "output"]
