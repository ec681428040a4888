"""What is appended to a tile equals the oracle's counts."""

from functools import partial
from pathlib import Path

import numpy as np
import oracles
import pyarrow as pa
import pytest
import shapely
from study import MASK_SIZE, SIZE, configured, random_labels, settings, write_mask, write_slide

from flows.measure import measured
from flows.stage import TableReference  # noqa: F401
