"""Slides to process: discovery and manifests."""
