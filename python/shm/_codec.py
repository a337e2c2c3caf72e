"""Payloads of kind 5 to Python values and back. FORMAT.md, sections 23 and 24.

Types and payloads may come from anybody: nothing here recurses or allocates without a limit.
"""

from __future__ import annotations

from typing import Any

_DEEPEST_VALUE = 128


class Misfit(ValueError):
    """A value or payload that is not what the schema says. `path` leads to the part that does not fit."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path = ""

    def inside(self, step: str) -> Misfit:
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        return f"value{self.path}: {self.args[0]}"


class TypeCodec:
    """Values of one type."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def decode(self, payload: bytes | bytearray | memoryview) -> Any:
        """Raises Misfit."""
        source = Source(bytes(payload))
        try:
            value = source.decode(self._root, 0)
        except RecursionError as error:
            raise Misfit("the caller's stack is too deep to decode it") from error
        if source.at != len(source.data):
            raise Misfit(f"it ends at byte {source.at} of {len(source.data)}")
        return value

    def encode(self, value: Any) -> bytearray:
        """Raises Misfit."""
        sink = Sink()
        sink.encode(self._root, value, 0)
        if sink.formats > _most_formats(len(sink.data)):
            raise Misfit("it has so many parts without bytes that readers would refuse it")
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
        """One format, at `depth` formats within others."""
        self.formats_left -= 1
        if self.formats_left < 0 or depth >= _DEEPEST_VALUE:
            raise Misfit(f"it nests deeper than {_DEEPEST_VALUE}, or has too many parts for its bytes")
        return node.decode(self, depth + 1)

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise Misfit(f"its bytes end within the {count} at {self.at}")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def count(self, formats: int = 1) -> int:
        """A number of elements, of so many formats each: refused before anything is created for them."""
        number = int.from_bytes(self.take(8), "little")
        self.expect(number * formats)
        return number

    def expect(self, formats: int) -> None:
        if formats > self.formats_left:
            raise Misfit(f"{formats} parts are too many for its {len(self.data)} bytes")


class Sink:
    """A payload that is being written."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.formats = 0

    def encode(self, node: Node, value: Any, depth: int) -> None:
        self.formats += 1
        if depth >= _DEEPEST_VALUE:
            raise Misfit(f"it nests deeper than {_DEEPEST_VALUE}")
        node.encode(self, value, depth + 1)

    def count(self, number: int) -> None:
        self.data += number.to_bytes(8, "little")


class Node:
    """A format or container. Formats within it are at `depth`."""

    #: Whether values are keys of a dict; elsewhere maps are lists of pairs.
    is_key = False

    def decode(self, source: Source, depth: int) -> Any:
        raise NotImplementedError

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        raise NotImplementedError


def misfit_of(expected: str, value: Any) -> Misfit:
    return Misfit(f"expected {expected}, got {type(value).__name__} {show(value)}")


def show(document: Any) -> str:
    text = repr(document)
    return text if len(text) <= 60 else text[:57] + "..."
