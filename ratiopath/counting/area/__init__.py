"""Counters that weigh a pixel by its part inside the ROI."""
