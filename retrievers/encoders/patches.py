"""Where on a picture the tokens of a vision-language model lie, for the families of late interaction.

`colpali`: the picture is squashed to a square of patches, row by row. `colqwen2`: as many rows and columns
as its size asks for, `merge_size` x `merge_size` patches a token. `colmodernvbert`: tiles of patches,
each under its tag <row_i_col_j>, and a view of the whole, which is used where there are no tiles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FAMILIES = ("colpali", "colqwen2", "colmodernvbert")
_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


def grid(processor: Any, ids: Ints, of_picture: NDArray[np.bool_], size: Any) -> Ints:
    """(rows, columns) of positions among `ids`; `size` is the family's own (time, height, width) in patches, or None.

    ValueError where the tokens of the picture fill no rectangle.
    """
    positions = of_picture.nonzero()[0]
    if size is not None:
        merge = processor.image_processor.merge_size
        return positions.reshape(int(size[1]) // merge, int(size[2]) // merge)
    if hasattr(processor, "row_col_ids"):
        return _tiled(processor, ids, positions)
    return positions.reshape(_square(len(positions)))


def _tiled(processor: Any, ids: Ints, positions: Ints) -> Ints:
    import numpy as np

    each = processor.image_seq_len
    shape = _square(each)
    tiles: dict[tuple[int, int], Ints] = {}
    for run in positions.reshape(-1, each):
        tag = _TILE.fullmatch(str(processor.tokenizer.convert_ids_to_tokens(int(ids[run[0] - 1]))))
        if tag:
            tiles[int(tag[1]), int(tag[2])] = run.reshape(shape)
    if not tiles:
        return positions[-each:].reshape(shape)
    rows, columns = max(row for row, _ in tiles), max(column for _, column in tiles)
    return np.block([[tiles[row, column] for column in range(1, columns + 1)] for row in range(1, rows + 1)])


def _square(count: int) -> tuple[int, int]:
    side = round(count**0.5)
    if side * side != count:
        raise ValueError(f"{count} tokens of a picture fill no square")
    return side, side
