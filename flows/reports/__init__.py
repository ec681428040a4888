"""Reports for people: artifacts, progress, previews, gallery."""
