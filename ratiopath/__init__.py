"""Exact coverage of whole-slide tiles by overlays. Each package imports only those above it.

errors     exceptions; messages state the problem first
geometry   `Extent`, `Mpp`, and the rounding rule
pyramid    levels of an image, and the one closest to a resolution
grid       tile origins of a slide
roi        the region of interest in a tile
plan       windows on a level, and the chunks they touch
counting   counts of pixel values inside the ROI of many windows
slides     readers of TIFF and vendor formats behind one protocol
overlays   overlays of a slide behind one protocol
arrow      the overlap column of Arrow arrays, without Ray
tiling     the column expressions of Ray datasets
ray        the metadata of slides as a Ray dataset
"""
