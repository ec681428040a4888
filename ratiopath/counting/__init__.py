"""Counting pixel values per window."""
