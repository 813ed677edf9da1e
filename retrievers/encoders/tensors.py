"""Tensors out of a torch file of the old format, without torch and without running anything.

Such a file is five pickles (magic number, version, system, the table of tensors, the keys of their
storages) and then the storages, each a count (8 bytes, little endian) and its numbers. A pickle is a
program; here its instructions are read one by one as data (`pickletools.genops` runs none), and only
those that build tables and lists are known. Of the names that a file asks for four are understood, as
marks: no object but tuples, lists, dicts, numbers and strings is ever made. Anything else is an error.
"""

from __future__ import annotations

import io
import pickletools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KNOWN = {
    "collections OrderedDict": "table", "torch._utils _rebuild_tensor_v2": "tensor",
    "torch FloatStorage": "<f4", "torch LongStorage": "<i8",
}  # fmt: skip
_VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE", "BINFLOAT", "INT", "UNICODE",
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Any] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
_MARK = object()


def tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Name -> array; ValueError for a file that holds anything but tensors of float32 and int64."""
    import numpy as np

    file = io.BytesIO(path.read_bytes())
    try:
        _, _, _, table, keys = (_read(file) for _ in range(5))
        stored: dict[str, NDArray[Any]] = {}
        kinds = {one[1][2]: one[1][1] for _, one in _items(table)}
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            kind = np.dtype(kinds[key])
            data = file.read(count * kind.itemsize)
            stored[key] = np.frombuffer(data, kind)
            if len(stored[key]) != count:
                raise ValueError(f"storage {key} is cut short")
        return {name: _array(stored[one[1][2]], *one[2:5]) for name, one in _items(table)}
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name} is no file of tensors that can be read ({error!r})") from error


def _items(table: Any) -> Any:
    if table[:1] != ["table"]:
        raise ValueError("expected a table of tensors")
    return table[1].items()


def _array(storage: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
    import numpy as np

    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if not 0 <= offset <= last < len(storage) or min((*shape, *strides, 1)) < 0:
        raise ValueError("a tensor reaches beyond its storage")
    size = storage.itemsize
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [size * one for one in strides], writeable=False)
    return np.array(view, order="C")


def _read(file: io.BytesIO) -> Any:
    """The value of one pickle, its end of file position after it."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def since() -> list[Any]:
        at = max(n for n, one in enumerate(stack) if one is _MARK)
        taken = stack[at + 1 :]
        del stack[at:]
        return taken

    for code, argument, _ in pickletools.genops(file):
        name = code.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            break
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(since()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[int(str(argument))] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[int(str(argument))])
        elif name == "GLOBAL":
            if argument not in _KNOWN:
                raise ValueError(f"the file asks for {argument!r}, which is no tensor")
            stack.append(_KNOWN[argument])
        elif name == "BINPERSID":
            stack.append(stack.pop())
        elif name == "REDUCE":
            arguments, made = stack.pop(), stack.pop()
            # A tensor stays what it was built from: its storage, offset, shape and strides.
            stack.append(["table", {}] if made == "table" else ["tensor", *arguments])
        elif name == "APPEND":
            one = stack.pop()
            stack[-1].append(one)
        elif name in ("APPENDS", "SETITEMS"):
            given = since()
            if name == "APPENDS":
                stack[-1].extend(given)
            else:
                into = stack[-1][1] if isinstance(stack[-1], list) else stack[-1]
                into.update(zip(given[::2], given[1::2], strict=True))
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            (stack[-1][1] if isinstance(stack[-1], list) else stack[-1])[key] = value
        elif name == "BUILD":
            stack.pop()  # what a table carries beside its items
        else:
            raise ValueError(f"the file holds the instruction {name}, which no table of tensors needs")
    return stack[0]
