"""The native TIFF readers.

reader      `TiffReader`, for TIFF and OME-TIFF of any layout
aperio      `AperioReader`, for SVS files with JPEG tiles
levels      the pages that make up the levels, and the samples of a pixel
resolution  mpp from OME metadata or resolution tags
lzw         LZW decompression by libtiff
errors      translation of the errors of tifffile and its codecs
"""
