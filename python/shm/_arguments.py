"""Checks single arguments of calls. Each function returns the argument, or raises BadType or BadOption."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._codec import is_of_numpy, show
from ._errors import BadOption, BadType, Error
from ._format import LARGEST_NUMBER


@contextmanager
def checked() -> Iterator[None]:
    """Turns every exception that an argument's own methods raise into BadOption."""
    try:
        yield
    except Error:
        raise
    except Exception as error:
        raise BadOption(f"an argument raised {show(error)}", "give plain values") from error


def integer(option: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        if is_bool(value):
            raise TypeError
        number = operator.index(value)
    except Exception as error:
        raise BadType(f"{option} must be an integer, not {show(value)}", f"give {option} as an int") from error
    if abs(number) > LARGEST_NUMBER:
        raise BadOption(f"{option} is out of range", f"give {option} as an integer below 2**62")
    return number


def is_bool(value: Any) -> bool:
    """Returns whether the value is a bool, of Python or of NumPy."""
    return isinstance(value, bool) or is_of_numpy(value, "bool_")


def flag(option: str, value: Any) -> bool:
    if is_bool(value):
        return bool(value)
    raise BadType(f"{option} must be True or False, not {show(value)}", f"give {option} as a bool")


def seconds(option: str, value: Any) -> float | None:
    """Returns a number of seconds, or None, which means without limit."""
    if value is None:
        return None
    try:
        is_number = hasattr(value, "__float__") or hasattr(value, "__index__")
        if is_bool(value) or not is_number or hasattr(value, "__len__"):  # an array has a length
            raise TypeError
        number = float(value)
    except OverflowError as error:
        raise BadOption(f"{option} is too large for a number of seconds", "use None to wait without limit") from error
    except Exception as error:
        advice = f"give {option} as a number, or None"
        raise BadType(f"{option} must be a number of seconds, not {show(value)}", advice) from error
    if math.isnan(number):
        raise BadOption(f"{option} is NaN", "use None to wait without limit")
    return number


def position(option: str, value: Any) -> str | int:
    """Returns the position of a reader: a word, or the number of a value."""
    if isinstance(value, str):
        if str.__str__(value) in ("latest", "oldest", "new"):
            return str.__str__(value)
    elif not is_bool(value) and hasattr(value, "__index__"):
        number = integer(option, value)
        if number is not None and number > 0:
            return number
    raise BadOption(f"{option}={show(value)} is not a position", "use 'latest', 'oldest', 'new' or a number from 1")
