"""Takes the elements of arrays and other buffers. It accepts only plain numbers, and drops nothing silently."""

from __future__ import annotations

import functools
import sys
from typing import Any

from ._codec import type_name
from ._errors import BadValue

Payload = bytes | bytearray | memoryview

# The families of NumPy's dtypes, by the format characters of `memoryview`, `struct` and NumPy.
_FAMILIES = {"?": "b", "b": "i", "h": "i", "i": "i", "l": "i", "q": "i", "n": "i", "B": "u", "H": "u", "I": "u",
             "L": "u", "Q": "u", "N": "u", "e": "f", "f": "f", "d": "f", "Zf": "c", "Zd": "c"}  # fmt: skip
_CASTABLE = frozenset("?bhilqnBHILQNefd")  # the formats from which `memoryview.cast` can convert
_TEXT = ("S", "U", "T")


def raw_bytes(value: Any) -> Payload | None:
    """Returns the value, or a view of it, if it is plain bytes: bytes, a bytearray, or a view of these as bytes."""
    if isinstance(value, (bytes, bytearray)):
        # A view, because methods of a subclass could return anything. It also keeps a bytearray from being resized.
        return value if type(value) is bytes else memoryview(value)
    if type(value) is memoryview:
        try:
            if isinstance(value.obj, (bytes, bytearray)) and value.format == "B" and value.ndim == 1:
                return flat(value)
        except ValueError:
            pass  # it was released, as `elements` will report
    return None


def elements(value: Any, expected: str, advice: str) -> memoryview:
    """Returns a view of an array or another buffer of plain numbers.

    Raises BadValue, which says that `expected` was expected if the value has no buffer.
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is not numpy.ndarray:
        value = _as_plain_array(value, numpy)
    try:
        view = memoryview(value)
    except TypeError as error:
        raise BadValue(f"expected {expected}, got {type_name(value)}", advice) from error
    except Exception as error:
        if hasattr(value, "dtype"):
            raise _unsupported(value.dtype) from error
        fault = f"the buffer of the {type_name(value)} is not accessible"
        raise BadValue(fault, "give an object whose buffer was not released") from error
    if typestr(view) is None and view.format.lstrip("<@=") != "c":
        if hasattr(value, "dtype"):
            raise _unsupported(value.dtype)
        raise BadValue(f"elements of format {view.format!r} are not plain numbers", "give an array of plain numbers")
    return view


def _as_plain_array(value: Any, numpy: Any) -> Any:
    """Converts a NumPy scalar to an array. Refuses arrays that consist of more than their elements."""
    if isinstance(value, numpy.generic):
        return numpy.asarray(value)  # the buffer of a single date, for example, is just bytes
    if isinstance(value, numpy.ndarray) and type(value) not in (numpy.memmap, numpy.matrix):
        advice = "give numpy.asarray(value), if its elements are enough"
        if isinstance(value, numpy.ma.MaskedArray):
            advice = "give value.filled(), which replaces each masked element by a number"
        raise BadValue(f"a {type_name(value)} contains more than its elements, and the rest would be lost", advice)
    return value


def is_plain(dtype: Any) -> bool:
    """Returns whether a NumPy dtype is one of plain numbers, in either byte order."""
    return dtype.kind in "biufc" and dtype.char in "?bhilqpBHILQPefdFD"


def _unsupported(dtype: Any) -> BadValue:
    return BadValue(f"elements of dtype {dtype_title(dtype)!r} are not plain numbers", remedy_for(dtype))


def dtype_title(dtype: Any) -> str:
    """Returns the name by which the dtype's own library knows it, for error texts."""
    text = str(dtype.str) if is_plain(dtype) else str(dtype)
    return text if len(text) <= 60 else text[:57] + "..."


def remedy_for(dtype: Any) -> str:
    """Returns how to convert an array of an unsupported dtype."""
    if is_plain(dtype):
        return f"convert the array with astype({'<' + dtype.str[1:]!r})"
    if dtype.kind in "Mm":
        return "publish value.view('i8') in a region of dtype '<i8'"
    if dtype.kind in _TEXT:
        return "publish value.tolist() in a region of kind 'json'"
    if dtype.names is not None:
        return "publish each field as an array of its own"
    if dtype.char in "gG":
        return f"convert the array with astype({'<f8' if dtype.char == 'g' else '<c16'!r})"
    if dtype.kind not in "OV" or (dtype.kind == "V" and dtype.char != "V"):  # of another library, such as bfloat16
        unsigned = f"u{dtype.itemsize}"
        return f"publish value.view({unsigned!r}) in a region of dtype {unsigned!r}"
    return "convert the array with astype to a dtype of numbers"


def typestr(view: memoryview) -> str | None:
    """Returns NumPy's `typestr` for the elements of a buffer, or None if they are not plain numbers."""
    return _typestr(view.format, view.itemsize)


@functools.lru_cache(256)
def _typestr(form: str, item_bytes: int) -> str | None:
    family = _FAMILIES.get(form.lstrip("<@=>!"))
    if family is None:
        return None
    order = "|" if item_bytes == 1 else ">" if form[0] in ">!" else "<"
    return f"{order}{family}{item_bytes}"


def flat(view: memoryview) -> Payload:
    """Returns the bytes of a buffer in C order, if possible without a copy."""
    if not view.nbytes:
        return b""
    is_contiguous = view.c_contiguous
    if is_contiguous and view.format in _CASTABLE:
        return view.cast("B")
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return view.tobytes()
    # NumPy copies elements that are apart up to 40 times faster than `tobytes`.
    return memoryview(numpy.frombuffer(view if is_contiguous else numpy.ascontiguousarray(view), "u1"))


def are_bools(payload: Payload) -> bool:
    """Returns whether each byte is 0 or 1."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return not bytes(payload).translate(None, b"\0\1")
    return not len(payload) or int(numpy.frombuffer(payload, "u1").max()) <= 1
