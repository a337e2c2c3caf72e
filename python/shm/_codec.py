"""Converts values of kind 5 (bincode) to payloads and back. FORMAT.md, sections 23 and 24.

Types and payloads may come from a hostile program, so recursion and memory use are limited everywhere.
"""

from __future__ import annotations

import sys
from typing import Any

_DEEPEST_VALUE = 128
_LONGEST_PATH = 100  # of a path in an error text


class Misfit(ValueError):
    """A value or payload that does not fit the schema. `path` is the path to the part that does not fit."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path = ""

    def inside(self, step: str) -> Misfit:
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        if len(self.path) > _LONGEST_PATH:
            return f"value{self.path[: _LONGEST_PATH - 3]}...: {self.args[0]}"
        return f"value{self.path}: {self.args[0]}" if self.path else str(self.args[0])


class TypeCodec:
    """Encodes and decodes the values of one type."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def decode(self, payload: bytes | bytearray | memoryview) -> Any:
        """Raises Misfit."""
        source = Source(bytes(payload))
        value = source.decode(self._root, 0)
        if source.at != len(source.data):
            raise Misfit(f"it ends at byte {source.at}, but the payload ends at byte {len(source.data)}")
        return value

    def encode(self, value: Any) -> bytearray:
        """Raises Misfit."""
        sink = Sink()
        sink.encode(self._root, value, 0)
        if sink.formats > _most_formats(len(sink.data)):
            raise Misfit("it has too many parts that need no bytes, and readers would refuse it")
        return sink.data


def _most_formats(length: int) -> int:
    return 8 * length + 4096


class Source:
    """A payload that is being decoded."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.formats_left = _most_formats(len(data))

    def decode(self, node: Node, depth: int) -> Any:
        """Decodes one format that is nested in `depth` others."""
        self.formats_left -= 1
        if depth >= _DEEPEST_VALUE:
            raise Misfit(f"it nests deeper than {_DEEPEST_VALUE} levels")
        if self.formats_left < 0:
            raise Misfit(f"it has too many parts for its {len(self.data)} bytes")
        return node.decode(self, depth + 1)

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Misfit(f"it needs bytes {self.at} to {end - 1}, but the payload has only {len(self.data)} bytes")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def count(self, formats: int = 1) -> int:
        """Takes a number of elements with `formats` formats each. Refuses too many before it allocates anything."""
        number = int.from_bytes(self.take(8), "little")
        self.expect(number * formats)
        return number

    def expect(self, formats: int) -> None:
        if formats > self.formats_left:
            raise Misfit(f"it claims {formats} parts, too many for its {len(self.data)} bytes")


class Sink:
    """A payload that is being encoded."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.formats = 0

    def encode(self, node: Node, value: Any, depth: int) -> None:
        self.formats += 1
        if depth >= _DEEPEST_VALUE:
            raise Misfit(f"it nests deeper than {_DEEPEST_VALUE} levels")
        node.encode(self, value, depth + 1)

    def count(self, number: int) -> None:
        self.data += number.to_bytes(8, "little")


class Node:
    """A format or container. `depth` is the number of formats that enclose its parts."""

    #: Whether maps with such keys are dicts. Maps with other keys are lists of pairs.
    is_key = False

    def decode(self, source: Source, depth: int) -> Any:
        raise NotImplementedError

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        raise NotImplementedError


def misfit_of(expected: str, value: Any) -> Misfit:
    return Misfit(f"expected {expected}, got {type_name(value)} {show(value)}")


def show(document: Any) -> str:
    """Returns the beginning of the value's `repr`, for error texts."""
    try:
        text = repr(document)
    except Exception:  # by a method of the value, or because an integer has too many digits
        text = f"a value of type {type_name(document)}"
    return text if len(text) <= 60 else text[:57] + "..."


def type_name(value: Any) -> str:
    """Returns the name of the value's type, even if a metaclass hides it.

    The numbers of NumPy are named with the module: one of their types is called `bool`.
    """
    name = str(type.__dict__["__name__"].__get__(type(value)))
    return f"numpy.{name}" if is_of_numpy(value, "generic") and type(value).__module__ == "numpy" else name


def is_of_numpy(value: Any, *classes: str) -> bool:
    """Returns whether the value is an instance of one of these NumPy classes. Does not import NumPy."""
    numpy = sys.modules.get("numpy")
    return issubclass(type(value), tuple(getattr(numpy, name, ()) for name in classes))
