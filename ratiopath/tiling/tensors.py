"""Arrays of a block's rows as one Arrow tensor column."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ray.data.extensions import ArrowPythonObjectArray, ArrowTensorArray, ArrowVariableShapedTensorArray

from ratiopath.geometry import Int64s


def tensor_column(chunk_windows: Sequence[tuple[Int64s, npt.NDArray[np.generic]]], rows: int) -> pa.Array:
    """Put the arrays of several groups of rows together.

    Args:
        parts: The rows of a group and their arrays, stacked along the first axis. The groups share no row and together
            are all rows.
        rows: How many rows there are in all.

    Returns:
        A fixed-shape tensor where all rows have one shape and dtype, a variable-shaped one where only the sizes
        differ, else a column of objects: a block may mix grey and colour overlays.
    """
    kinds = {(stack.shape[1:], stack.dtype) for _, stack in chunk_windows}
    if len(kinds) == 1:
        ((shape, dtype),) = kinds
        if len(chunk_windows) == 1:
            return ArrowTensorArray.from_numpy(chunk_windows[0][1])
        whole = np.empty((rows, *shape), dtype=dtype)
        for group, stack in chunk_windows:
            whole[group] = stack
        return ArrowTensorArray.from_numpy(whole)
    ragged = np.empty(rows, dtype=object)
    for group, stack in chunk_windows:
        for row, array in zip(group.tolist(), stack, strict=True):
            ragged[row] = array
    if len({(len(shape), dtype) for shape, dtype in kinds}) == 1:
        return ArrowVariableShapedTensorArray.from_numpy(ragged)
    return ArrowPythonObjectArray.from_objects(ragged)
