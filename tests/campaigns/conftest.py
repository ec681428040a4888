"""Folders and an object store, as the tests of the flow have them."""

from tests.flows.conftest import bucket, folder, output, s3

__all__ = ["bucket", "folder", "output", "s3"]
