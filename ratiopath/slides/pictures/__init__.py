"""Images of one level without a resolution: PNG, JPEG and arrays of NumPy.

reader      `PictureReader`, what they have in common: pixels that are decoded in bands of rows
png         `PngReader`
png_chunks  the chunks of a PNG and their checksums
png_rows    rows of a PNG: inflated, without filters, unpacked to numbers
jpeg        `JpegReader`
exif        the orientation in an Exif block
arrays      `NpyReader`, and `NpzReader` for an archive of one array
"""
