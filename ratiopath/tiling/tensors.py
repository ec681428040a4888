"""Arrays of a block's rows as an Arrow tensor column."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ray.data.extensions import ArrowPythonObjectArray, ArrowTensorArray, ArrowVariableShapedTensorArray

from ratiopath.geometry import Int64s


def tensor_column(groups: Sequence[tuple[Int64s, npt.NDArray[np.generic]]], rows: int) -> pa.Array:
    """Combine the arrays of several groups of rows into one column.

    Args:
        groups: Row indices of each group and their arrays, stacked along the first axis. The groups share no row and
            cover all rows.
        rows: Number of rows of the block.

    Returns:
        A fixed-shape tensor if all rows have one shape and dtype, a variable-shaped one if only the sizes differ,
        else a column of objects: a block may mix grey and colour overlays.
    """
    kinds = {(stack.shape[1:], stack.dtype) for _, stack in groups}
    if len(kinds) == 1:
        ((shape, dtype),) = kinds
        if len(groups) == 1:
            return ArrowTensorArray.from_numpy(groups[0][1])
        whole = np.empty((rows, *shape), dtype=dtype)
        for group, stack in groups:
            whole[group] = stack
        return ArrowTensorArray.from_numpy(whole)
    ragged = np.empty(rows, dtype=object)
    for group, stack in groups:
        for row, array in zip(group.tolist(), stack, strict=True):
            ragged[row] = array
    if len({(len(shape), dtype) for shape, dtype in kinds}) == 1:
        return ArrowVariableShapedTensorArray.from_numpy(ragged)
    return ArrowPythonObjectArray.from_objects(ragged)
