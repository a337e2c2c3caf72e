"""The parts of types. Each encodes and decodes its part of a payload. FORMAT.md, sections 23 and 24."""

from __future__ import annotations

import dataclasses
import enum
import operator
import struct
from functools import cached_property
from typing import Any

from ._codec import Misfit, Node, Sink, Source, is_of_numpy, misfit_of, show


class Unit(Node):
    def decode(self, source: Source, depth: int) -> None:
        return None

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if value is not None:
            raise misfit_of("None", value)


class Bool(Node):
    is_key = True

    def decode(self, source: Source, depth: int) -> bool:
        byte = source.take(1)[0]
        if byte > 1:
            raise Misfit(f"expected a bool (0 or 1) at byte {source.at - 1}, got {byte}")
        return byte == 1

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if type(value) is not bool and not is_of_numpy(value, "bool_"):
            raise misfit_of("a bool", value)
        sink.data.append(bool(value))


class Int(Node):
    is_key = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.signed = name[0] == "I"
        self.size = int(name[1:]) // 8

    def decode(self, source: Source, depth: int) -> int:
        return int.from_bytes(source.take(self.size), "little", signed=self.signed)

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        try:
            number = operator.index(value)
            if isinstance(value, bool):
                raise TypeError
            sink.data += number.to_bytes(self.size, "little", signed=self.signed)
        except (TypeError, OverflowError) as error:
            raise misfit_of(self.name, value) from error


class Float(Node):
    def __init__(self, name: str) -> None:
        self.name = name
        self.layout = struct.Struct("<f" if name == "F32" else "<d")

    def decode(self, source: Source, depth: int) -> float:
        number: float = self.layout.unpack(source.take(self.layout.size))[0]
        return number

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        is_number = hasattr(value, "__float__") or hasattr(value, "__index__")
        if isinstance(value, bool) or not is_number or hasattr(value, "__len__"):  # an array has a length
            raise misfit_of(self.name, value)
        try:
            sink.data += self.layout.pack(float(value))
        except (TypeError, OverflowError) as error:
            raise misfit_of(self.name, value) from error


class Char(Node):
    is_key = True

    def decode(self, source: Source, depth: int) -> str:
        first = source.take(1)
        more = (first[0] >= 0xC0) + (first[0] >= 0xE0) + (first[0] >= 0xF0)
        return _utf8(first + source.take(more), source)

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if not isinstance(value, str) or len(value) != 1:
            raise misfit_of("one character", value)
        sink.data += _to_utf8(value)


class Str(Node):
    is_key = True

    def decode(self, source: Source, depth: int) -> str:
        return _utf8(source.take(int.from_bytes(source.take(8), "little")), source)

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if not isinstance(value, str):
            raise misfit_of("a str", value)
        encoded = _to_utf8(value)
        sink.count(len(encoded))
        sink.data += encoded


def _utf8(data: bytes, source: Source) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Misfit(f"the text at byte {source.at - len(data)} is not UTF-8") from error


def _to_utf8(text: str) -> bytes:
    try:
        return str.encode(text, "utf-8")  # a subclass can have another `encode`
    except UnicodeEncodeError as error:
        raise misfit_of("text without lone surrogates", text) from error


class Bytes(Node):
    def decode(self, source: Source, depth: int) -> bytes:
        return source.take(int.from_bytes(source.take(8), "little"))

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise misfit_of("bytes", value)
        if isinstance(value, memoryview) and (value.format != "B" or value.ndim != 1):
            raise Misfit(f"expected a memoryview of bytes, got one of {value.format!r} and {value.ndim} dimensions")
        data = bytes(memoryview(value))  # not `bytes(value)`, which calls methods of a subclass
        sink.count(len(data))
        sink.data += data


class Option(Node):
    def __init__(self, content: Node) -> None:
        self.content = content

    def decode(self, source: Source, depth: int) -> Any:
        byte = source.take(1)[0]
        if byte > 1:
            raise Misfit(f"expected 0 (None) or 1 (a value) at byte {source.at - 1}, got {byte}")
        return source.decode(self.content, depth) if byte else None

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        sink.data.append(value is not None)
        if value is not None:
            sink.encode(self.content, value, depth)


class Seq(Node):
    def __init__(self, content: Node) -> None:
        self.content = content

    def decode(self, source: Source, depth: int) -> list[Any]:
        return [source.decode(self.content, depth) for _ in range(source.count())]

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        values = _as_list(value, "a list")
        sink.count(len(values))
        _encode_all(sink, [self.content] * len(values), values, depth)


class Tuple(Node):
    """TUPLE, TUPLESTRUCT, and the content of a TUPLE variant."""

    def __init__(self, parts: list[Node]) -> None:
        self.parts = parts

    def decode(self, source: Source, depth: int) -> list[Any]:
        return [source.decode(part, depth) for part in self.parts]

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        values = _as_list(value, f"a list of {len(self.parts)}")
        if len(values) != len(self.parts):
            raise Misfit(f"expected {len(self.parts)} values, got {len(values)}")
        _encode_all(sink, self.parts, values, depth)


class TupleArray(Node):
    def __init__(self, content: Node, size: int) -> None:
        self.content = content
        self.size = size

    def decode(self, source: Source, depth: int) -> list[Any]:
        source.expect(self.size)
        return [source.decode(self.content, depth) for _ in range(self.size)]

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        values = _as_list(value, f"a list of {self.size}")
        if len(values) != self.size:
            raise Misfit(f"expected {self.size} values, got {len(values)}")
        _encode_all(sink, [self.content] * self.size, values, depth)


def _as_list(value: Any, expected: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise misfit_of(expected, value)
    return list(value)


def _encode_all(sink: Sink, nodes: list[Node], values: list[Any], depth: int) -> None:
    index = 0
    try:
        for index, node in enumerate(nodes):
            sink.encode(node, values[index], depth)
    except Misfit as misfit:
        misfit.inside(f"[{index}]")
        raise


class Map(Node):
    def __init__(self, key: Node, content: Node) -> None:
        self.key = key
        self.content = content

    @cached_property
    def _is_dict(self) -> bool:
        key: Node | None = self.key
        while isinstance(key, (Reference, Newtype)):
            key = key.content
        return key is not None and key.is_key

    def decode(self, source: Source, depth: int) -> Any:
        count = source.count(2)
        pairs = [[source.decode(self.key, depth), source.decode(self.content, depth)] for _ in range(count)]
        if not self._is_dict:
            return pairs
        found = {key: value for key, value in pairs}
        if len(found) != len(pairs):
            raise Misfit(f"a key appears twice in the map that ends at byte {source.at}")
        return found

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if self._is_dict and not isinstance(value, dict):
            raise misfit_of("a dict", value)
        pairs = list(value.items()) if isinstance(value, dict) else _as_list(value, "a list of pairs")
        sink.count(len(pairs))
        for index, pair in enumerate(pairs):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise misfit_of("a pair of key and value", pair).inside(f"[{index}]")
            try:
                sink.encode(self.key, pair[0], depth)
                sink.encode(self.content, pair[1], depth)
            except Misfit as misfit:
                misfit.inside(f"[{show(pair[0])}]")
                raise


class Struct(Node):
    def __init__(self, fields: list[tuple[str, Node]]) -> None:
        self.fields = fields
        self._names = dict(fields).keys()

    def decode(self, source: Source, depth: int) -> dict[str, Any]:
        return {name: source.decode(node, depth) for name, node in self.fields}

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
        if not isinstance(value, dict):
            raise misfit_of("a dict", value)
        if value.keys() != self._names:
            missing = [name for name in self._names if name not in value]
            unknown = [name for name in value if name not in self._names]
            faults = [f"missing {show(missing)}"] * bool(missing) + [f"unknown {show(unknown)}"] * bool(unknown)
            raise Misfit(f"its fields must be {show(list(self._names))}: {', '.join(faults)}")
        name = ""
        try:
            for name, node in self.fields:
                sink.encode(node, value[name], depth)
        except Misfit as misfit:
            misfit.inside(f".{name}")
            raise


class Enum(Node):
    """An enum. Each variant has a name and, unless it is a UNIT variant, content."""

    def __init__(self, variants: dict[int, tuple[str, Node | None]]) -> None:
        self.variants = variants
        self.indices = {name: index for index, (name, _) in variants.items()}
        self.is_key = all(node is None for _, node in variants.values())

    def decode(self, source: Source, depth: int) -> Any:
        index = int.from_bytes(source.take(4), "little")
        if index not in self.variants:
            raise Misfit(f"the enum at byte {source.at - 4} has no variant {index}")
        name, node = self.variants[index]
        return name if node is None else {name: node.decode(source, depth)}

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        if isinstance(value, enum.Enum):
            value = value.name
        name, content = value, None
        if isinstance(value, dict) and len(value) == 1:
            ((name, content),) = value.items()
        index = self.indices.get(name) if isinstance(name, str) else None
        if index is None or (self.variants[index][1] is None) != isinstance(value, str):
            shown = (name if node is None else f"{{{name!r}: ...}}" for name, node in self.variants.values())
            raise misfit_of(f"one of {show(list(shown))}", value)
        sink.data += index.to_bytes(4, "little")
        node = self.variants[index][1]
        if node is not None:
            try:
                node.encode(sink, content, depth)
            except Misfit as misfit:
                misfit.inside(f".{name}")
                raise


class Newtype(Node):
    """NEWTYPESTRUCT and the content of a NEWTYPE variant. The content counts as a format, the container does not."""

    def __init__(self, content: Node) -> None:
        self.content = content

    def decode(self, source: Source, depth: int) -> Any:
        return source.decode(self.content, depth)

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        sink.encode(self.content, value, depth)


class Reference(Node):
    """TYPENAME. `content` is set when all containers are known."""

    content: Node

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, source: Source, depth: int) -> Any:
        return self.content.decode(source, depth)

    def encode(self, sink: Sink, value: Any, depth: int) -> None:
        self.content.encode(sink, value, depth)


PRIMITIVES: dict[str, Node] = {
    "UNIT": Unit(), "BOOL": Bool(), "CHAR": Char(), "STR": Str(), "BYTES": Bytes(),
    "F32": Float("F32"), "F64": Float("F64"),
    **{name: Int(name) for name in ("I8", "I16", "I32", "I64", "I128", "U8", "U16", "U32", "U64", "U128")},
}  # fmt: skip
