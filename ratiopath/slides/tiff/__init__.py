"""Native TIFF readers."""
