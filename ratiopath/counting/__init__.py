"""Counts of pixel values inside the ROI of many windows.

counter       `WindowCounter`, the engine: counts a chunk at a time on the cheapest exact path
area_counter  `AreaCounter`, the engine of the area rule: pixels weigh as much as the part of them inside a box
polygon_counter  `PolygonCounter`, the same for an ROI that is no box
fractional    windows that begin and end inside pixels, as blocks of whole pixels
border        pixels on the border of an ROI, which count by the part inside
pixel_areas   exact areas of a polygon in pixels
cells         cells cut at the edges of all windows, and summed-area tables over them
bitmask       packed bit masks, 64 pixels in a word
label_masks   a bit mask per label of a chunk
roi_stamp     the ROI mask at every window of a chunk
run_length    run-length counting of chunks with many labels
labels        one scalar per pixel, and the names of values
values        comparison of the values that a user named with those that a file stores
value_counts  `ValueCounts`, the result
shares        `Shares`, its protocol, and `LabelShares`, that of the areas of annotations
ranges        ranges of values that a user named
wanted        values and labels that a user named
"""
