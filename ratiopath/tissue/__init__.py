"""Built-in detection of tissue on a slide without a mask.

detect_tissue   finds the tissue of a slide
TissueSettings  options of the detector
TissueMask      its result: a mask and its resolution
"""

from ratiopath.tissue.detector import TissueMask, TissueSettings, detect_tissue, find_tissue

__all__ = ["TissueMask", "TissueSettings", "detect_tissue", "find_tissue"]
