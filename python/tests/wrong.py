"""A table of wrong arguments: of other types, out of range, closed, endless, or with methods that raise."""

from __future__ import annotations

import array
import ctypes
import datetime
import decimal
import enum
import fractions
import itertools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shm


def fail(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("from the argument")


METHODS = """__index__ __int__ __float__ __bool__ __str__ __repr__ __eq__ __hash__ __len__ __iter__ __getitem__ __contains__
__fspath__ __buffer__ __format__ __lt__ __gt__ __array__ __array_interface__ dtype keys items encode""".split()


def evil(base: type, *arguments: Any) -> Any:
    """An object of a subclass whose methods raise."""
    return type(
        "Evil", (base,), dict.fromkeys(METHODS, fail) | {"__array_interface__": property(fail), "dtype": property(fail)}
    )(*arguments)


class Lying(bytes):
    def __len__(self) -> int:
        return 3


class LyingArray(bytearray):
    def __len__(self) -> int:
        return 1 << 40


class Word(str, enum.Enum):
    NOVEL = "novel"


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_char), ("next", ctypes.c_void_p)]


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"r"


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def round_dict() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["self"] = found
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


def closed(handle: Any) -> Any:
    handle.close()
    return handle


TABLE: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "True": lambda: True, "False": lambda: False, "0": lambda: 0, "-1": lambda: -1, "3": lambda: 3,
    "1.5": lambda: 1.5, "-0.5": lambda: -0.5, "nan": lambda: math.nan, "inf": lambda: math.inf, "-inf": lambda: -math.inf,
    "2**62+1": lambda: (1 << 62) + 1, "2**63": lambda: 1 << 63, "2**64": lambda: 1 << 64, "-2**63": lambda: -(1 << 63),
    "10**400": lambda: 10**400, "10**5000": lambda: 10**5000, "-10**5000": lambda: -(10**5000), "1j": lambda: 1j,
    "''": lambda: "", "a long str": lambda: "x" * 5000, "a surrogate": lambda: "\ud800", "a surrogate/r": lambda: "\ud800/r",
    "a NUL": lambda: "a\0b", "a NUL/r": lambda: "a\0b/r", "..": lambda: "..", "novel": lambda: "novel", "absent/": lambda: "absent/r",
    "b''": lambda: b"", "b'r'": lambda: b"r", "bytearray": lambda: bytearray(b"abc"), "a view with gaps": lambda: memoryview(b"abcd")[::2],
    "a released view": released, "a view of numbers": lambda: memoryview(array.array("d", [1, 2])), "array('u')": lambda: array.array("u", "ab"),
    "lying bytes": lambda: Lying(b"abcdefgh"), "lying bytearray": lambda: LyingArray(b"abcdefgh"), "object()": object, "int": lambda: int,
    "a function": lambda: fail, "a generator": lambda: (n for n in range(3)), "an endless generator": itertools.count,
    "endless ones": lambda: itertools.repeat(1), "a circle": circle, "a round dict": round_dict, "deep": deep, "a set": lambda: {1, 2},
    "a dict": lambda: {1: 2}, "()": lambda: (), "(True,)": lambda: (True,), "(nan,)": lambda: (math.nan,), "(-1,)": lambda: (-1,),
    "(10**5000,)": lambda: (10**5000,), "[[1]]": lambda: [[1]], "many ones": lambda: [1] * 10_000, "(1, 0)": lambda: (1, 0),
    "Decimal": lambda: decimal.Decimal("NaN"), "sNaN": lambda: decimal.Decimal("sNaN"), "Fraction": lambda: fractions.Fraction(10**400),
    "...": lambda: ..., "NotImplemented": lambda: NotImplemented, "an exception": lambda: ValueError("x"), "a module": lambda: sys,
    "a type": lambda: shm.Reader, "range": lambda: range(3), "slice": lambda: slice(3), "timedelta": lambda: datetime.timedelta(1),
    "an Enum": lambda: Word.NOVEL, "a ctypes struct": Point, "ctypes pointers": lambda: (ctypes.c_void_p * 2)(), "a bytes path": BytesPath,
    "an absent path": lambda: Path("/absent/r"), "an evil object": lambda: evil(object), "an evil str": lambda: evil(str, "text"),
    "an evil bytes": lambda: evil(bytes, b"abcd"), "an evil int": lambda: evil(int, 4), "an evil float": lambda: evil(float, 1.5),
    "an evil list": lambda: evil(list, [1, 2]), "an evil tuple": lambda: evil(tuple, (1, 2)), "an evil dict": lambda: evil(dict, {"a": 1}),
    "[an evil object]": lambda: [evil(object)], "an evil pair": lambda: [(evil(str, "a"), 1)],
    "an evil timedelta": lambda: evil(datetime.timedelta, 1),
    "a closed reader": lambda: closed(shm.Reader("r")), "a reader": lambda: shm.Reader("r"), "a view": lambda: shm.Reader("r").view(),
    "info": lambda: shm.inspect("r"),
}  # fmt: skip


def of_numpy(numpy: Any) -> dict[str, Callable[[], Any]]:
    return {
        "int64": lambda: numpy.int64(5), "uint8": lambda: numpy.uint8(3), "float32 nan": lambda: numpy.float32("nan"),
        "bool_": lambda: numpy.bool_(True), "datetime64": lambda: numpy.datetime64("now"), "str_": lambda: numpy.str_("ab"),
        "bytes_": lambda: numpy.bytes_(b"ab"), "0-d": lambda: numpy.array(4), "[4]": lambda: numpy.array([4]), "1-d": lambda: numpy.arange(3.0),
        "2-d": lambda: numpy.zeros((2, 2), "f4"), "empty": lambda: numpy.zeros((0, 0)), "of objects": lambda: numpy.array([object()]),
        "of text": lambda: numpy.array(["ab"]), "of dates": lambda: numpy.zeros(2, "M8[s]"), "of structs": lambda: numpy.zeros(2, "u1,f4"),
        "big-endian": lambda: numpy.zeros(2, ">f4"), "longdouble": lambda: numpy.zeros(2, "g"), "masked": lambda: numpy.ma.masked_all(2),
        "masked constant": lambda: numpy.ma.masked, "bools": lambda: numpy.full(2, 255, "u1").view(bool), "a void": lambda: numpy.zeros(1, "u1,f4")[0],
        "a dtype": lambda: numpy.dtype("f4"), "a structured dtype": lambda: numpy.dtype("u1,f4"), "a NumPy type": lambda: numpy.float64,
        "an abstract type": lambda: numpy.number, "StringDType": lambda: numpy.dtypes.StringDType() if hasattr(numpy.dtypes, "StringDType") else "T",
    }  # fmt: skip
