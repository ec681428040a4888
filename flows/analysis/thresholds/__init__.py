"""Thresholds of classes and parts of `keep`: tiles, slides and areas that they leave."""
