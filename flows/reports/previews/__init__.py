"""Previews: a picture of each slide with its tiles, overlays and coverage."""
