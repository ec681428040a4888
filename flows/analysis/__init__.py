"""Analyses of finished tables: thresholds, splits and samples."""
