"""Schema documents: their rules and their canonical form. FORMAT.md, section 22.

A document may come from a hostile program. Therefore documents that nest too deep to recurse into are refused, and so
are types that contain themselves without end.
"""

from __future__ import annotations

import graphlib
import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ._codec import Misfit, Node, TypeCodec, show
from ._nodes import (
    PRIMITIVES, Enum, Map, Newtype, Option, Reference, Seq, Struct, Tuple, TupleArray, Unit,
)  # fmt: skip

LARGEST_DOCUMENT = 1048560
_DEEPEST_DOCUMENT = 127
#: How deep the JSON of a value nests at most.
DEEPEST_VALUE = 127
_LONGEST_NAME = 256
DTYPE_BYTES = {
    "|b1": 1, "|i1": 1, "<i2": 2, "<i4": 4, "<i8": 8, "|u1": 1, "<u2": 2, "<u4": 4, "<u8": 8,
    "<f2": 2, "<f4": 4, "<f8": 8, "<c8": 8, "<c16": 16,
}  # fmt: skip
_MOST_DIMENSIONS = 32
#: Matches every document with a number that 64 bits may not hold.
_WIDE_NUMBER = re.compile(rb"[0-9]{19}|[0-9][eE]")
#: Matches every document with a lone surrogate.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
#: Matches each character that begins or ends a text, a list or an object, and each escape sequence.
_NESTING = re.compile(rb'["\[\]{}]|\\.', re.DOTALL)
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")

Document = Any  # a parsed JSON document


class SchemaError(ValueError):
    """A schema that breaks the rules. The text states which rule.

    `advice` is for those who gave a dtype and a shape.
    """

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.advice = advice


# Schemas


class ArraySchema:
    """The schema of kind 4 (array). If `shape[0]` is 0, the length of each payload determines the number of rows."""

    def __init__(self, dtype: str, shape: tuple[int, ...]) -> None:
        self.dtype = dtype
        self.shape = shape
        self.item_bytes = DTYPE_BYTES[dtype]
        self.is_open = bool(shape) and shape[0] == 0
        #: The length of a payload in bytes or, if the number of rows is open, of one row.
        self.unit_bytes = self.item_bytes * math.prod(shape[1:] if self.is_open else shape)

    def shape_of(self, length: int) -> tuple[int, ...]:
        """Returns the shape of a payload of `length` bytes. Raises Misfit if no shape fits."""
        if self.is_open and length % self.unit_bytes == 0:
            return (length // self.unit_bytes, *self.shape[1:])
        if length != self.unit_bytes:
            many = "a multiple of " if self.is_open else ""
            raise Misfit(f"expected {many}{self.unit_bytes} bytes, got {length}")
        return self.shape


class NamedSchema:
    """A schema of kind 5 (bincode) that gives only the name and version of the type. Values are bytes."""


Schema = ArraySchema | NamedSchema | TypeCodec


def parse(document: bytes) -> Schema:
    """Parses a schema document. Raises SchemaError."""
    if len(document) > LARGEST_DOCUMENT:
        raise SchemaError(f"it has {len(document)} bytes, and the limit is {LARGEST_DOCUMENT}")
    try:
        parsed = strict_json(document, _object, _count)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"it is not JSON: {json_fault(error)}") from error
    _check_depth(parsed)
    if not isinstance(parsed, dict):
        raise SchemaError("it is not a JSON object")
    if set(parsed) == {"dtype", "shape"}:
        return _array(parsed["dtype"], parsed["shape"])
    if set(parsed) == {"name", "version"}:
        if not isinstance(parsed["name"], str) or not _is_count(parsed["version"]):
            raise SchemaError("'name' must be a string and 'version' an integer from 0 to 2**64 - 1")
        _check_name(parsed["name"])
        return NamedSchema()
    if set(parsed) == {"type", "types"} and isinstance(parsed["types"], dict):
        return TypeCodec(_Types(parsed["types"]).root(parsed["type"]))
    raise SchemaError("its members must be dtype and shape, type and types, or name and version")


def canonical(schema: Document) -> bytes:
    """Returns the canonical form of a schema that is given as JSON or as parsed JSON. Raises SchemaError."""
    try:
        text = schema.encode("utf-8") if isinstance(schema, str) else schema
        document = text if isinstance(text, bytes) else _compact(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError("it cannot be written as JSON") from error
    parse(document)
    schema = json.loads(document)
    if "types" in schema:
        names: list[str] = []
        root = _canonical_format(schema["type"], names)
        met: dict[str, Document] = {}
        while names:
            name = names.pop()
            if name not in met:
                met[name] = _canonical_container(schema["types"][name], names)
        return _compact({"type": root, "types": dict(sorted(met.items()))})
    first, second = ("dtype", "shape") if "dtype" in schema else ("name", "version")
    return _compact({first: schema[first], second: schema[second]})


def parsed(document: bytes | None) -> Document:
    """Returns the document as parsed JSON, or None if there is no document or it is not JSON."""
    if document is not None:
        with suppress(ValueError, RecursionError):
            return json.loads(document)
    return None


def strict_json(
    document: bytes,
    make_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
    parse_int: Callable[[str], Any] = int,
) -> Document:
    """Parses JSON strictly: it must be UTF-8, without NaN and infinity. Raises ValueError, RecursionError."""
    text = document.decode("utf-8")
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=make_object, parse_int=parse_int)


def portable_json(document: bytes) -> Document:
    """Parses the JSON of a value, which every program must read alike. Raises Ambiguous, ValueError, RecursionError."""
    has_wide = _WIDE_NUMBER.search(document) is not None
    parse_int, parse_float = (_integer, _float) if has_wide else (int, float)
    found = json.loads(
        document.decode("utf-8"),
        parse_constant=_no_constant,
        object_pairs_hook=_member_names,
        parse_int=parse_int,
        parse_float=parse_float,
    )
    if document.count(b"[") + document.count(b"{") > DEEPEST_VALUE:
        _check_value_depth(found)
    if _SURROGATE.search(document):
        try:
            json.dumps(found, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise Ambiguous("a string in it contains half of a surrogate pair") from error
    return found


def nests_too_deep(document: bytes) -> bool:
    """Returns whether JSON nests deeper than a value may. It does not recurse."""
    depth, in_text = 0, False
    for found in _NESTING.finditer(document):
        token = found[0]
        if token == b'"':
            in_text = not in_text
        elif not in_text and len(token) == 1:
            depth += 1 if token in b"[{" else -1
            if depth > DEEPEST_VALUE:
                return True
    return False


class Ambiguous(ValueError):
    """JSON from which programs would read different values."""


class _NotJson(ValueError):
    """A fault that this module finds, and not the JSON parser."""


def json_fault(error: Exception) -> str:
    """Returns what is wrong with a document that `strict_json` refused."""
    if isinstance(error, _NotJson):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it ends early or is wrong at character {error.pos}"
    return "it nests too deep" if isinstance(error, RecursionError) else "a number in it has too many digits"


def _no_constant(name: str) -> None:
    raise _NotJson(f"it contains {name}")


def _count(digits: str) -> int | float:
    """Returns an integer of a schema. In a schema, -0 is not one."""
    return -0.0 if digits == "-0" else int(digits)


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(1 << 63) <= int(digits) < 1 << 64:
        raise Ambiguous(f"the integer {digits if len(digits) <= 40 else digits[:37] + '...'} has more than 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Ambiguous(f"the number {digits[:40]} is larger than any f64")
    return number


def _member_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Ambiguous(f"the name {show(twice)} is there twice in one object")
    return found


def _check_value_depth(document: Document) -> None:
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(DEEPEST_VALUE):
        level = [inner for outer in level for inner in _children(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise Ambiguous(f"it nests deeper than {DEEPEST_VALUE} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NotJson("an object in it contains the same name twice")
    return found


def _compact(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 1 << 64


def _check_name(name: str) -> None:
    """Checks the name of a type, a field or a variant."""
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise SchemaError(f"the name {show(name)} cannot be encoded as UTF-8") from error
    if not 1 <= length <= _LONGEST_NAME:
        raise SchemaError(f"the name {show(name)} has {length} bytes, not 1 to {_LONGEST_NAME}")


def _array(dtype: Document, shape: Document) -> ArraySchema:
    if not isinstance(dtype, str) or dtype not in DTYPE_BYTES:
        raise SchemaError(f"dtype {show(dtype)} is not supported", f"use one of {' '.join(DTYPE_BYTES)}")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS or not all(map(_is_count, shape)):
        raise SchemaError(f"shape {show(shape)} is not a list of lengths", f"give at most {_MOST_DIMENSIONS} integers")
    if 0 in shape[1:]:
        raise SchemaError(f"shape {show(shape)} contains a 0", "use 0 only as the first length, for any number of rows")
    array = ArraySchema(dtype, tuple(shape))
    if array.unit_bytes >= 1 << 48:
        raise SchemaError(f"an array of {array.unit_bytes} bytes is too large for a payload", "use a smaller shape")
    return array


def _check_depth(document: Document) -> None:
    level = [document]
    for _ in range(_DEEPEST_DOCUMENT):
        level = [inner for outer in level for inner in _children(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise SchemaError(f"it nests deeper than {_DEEPEST_DOCUMENT} levels")


def _children(document: Document) -> list[Document]:
    return list(document.values()) if isinstance(document, dict) else document if isinstance(document, list) else []


# The canonical form. Both functions expect a form that `parse` has accepted, and append the names in it to `names`.


def _canonical_format(form: Document, names: list[str]) -> Document:
    if isinstance(form, str):
        return form
    ((what, content),) = form.items()
    if what == "TYPENAME":
        names.append(content)
        return form
    if what == "MAP":
        return {"MAP": {key: _canonical_format(content[key], names) for key in ("KEY", "VALUE")}}
    if what == "TUPLEARRAY":
        size = content["SIZE"]
        inner = _canonical_format(content["CONTENT"], names) if size else None
        return {what: {"CONTENT": inner, "SIZE": size}} if size >= 2 else {"TUPLE": [inner] * size}
    if what == "TUPLE":
        parts = [_canonical_format(part, names) for part in content]
        if len(parts) >= 2 and all(part == parts[0] for part in parts):
            return {"TUPLEARRAY": {"CONTENT": parts[0], "SIZE": len(parts)}}
        return {what: parts}
    return {what: _canonical_format(content, names)}  # OPTION, SEQ


def _canonical_container(form: Document, names: list[str]) -> Document:
    """Returns the canonical form of a container or of a variant, which are treated alike."""
    if isinstance(form, str):
        return form
    ((what, content),) = form.items()
    if what in ("NEWTYPESTRUCT", "NEWTYPE"):
        return {what: _canonical_format(content, names)}
    if what in ("TUPLESTRUCT", "TUPLE"):
        return {what: [_canonical_format(part, names) for part in content]}
    if what == "STRUCT":
        return {what: [{name: _canonical_format(part, names) for name, part in field.items()} for field in content]}
    variants = sorted(content.items(), key=lambda variant: int(variant[0]))  # ENUM
    return {
        what: {index: {name: _canonical_container(variant, names) for name, variant in named.items()}
               for index, named in variants}
    }  # fmt: skip


# Turning documents into nodes


class _Types:
    """Builds the nodes for the containers of one schema."""

    def __init__(self, types: dict[str, Document]) -> None:
        self._references: list[Reference] = []
        #: The types that the current container contains directly, which shows whether it contains itself.
        self._direct: set[str] = set()
        self._containers: dict[str, Node] = {}
        graph: dict[str, set[str]] = {}
        for name, form in types.items():
            _check_name(name)
            self._direct = graph[name] = set()
            self._containers[name] = self._container(form)
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            raise SchemaError(f"type {show(error.args[1][0])} contains itself") from error

    def root(self, form: Document) -> Node:
        node = self._format(form, False)
        for reference in self._references:
            if reference.name not in self._containers:
                raise SchemaError(f"type {show(reference.name)} is not defined")
            reference.content = self._containers[reference.name]
        return node

    def _format(self, form: Document, direct: bool) -> Node:
        if isinstance(form, str) and form in PRIMITIVES:
            return PRIMITIVES[form]
        what, content = _only_member(form, "format")
        if what == "TYPENAME" and isinstance(content, str):
            if direct:
                self._direct.add(content)
            self._references.append(Reference(content))
            return self._references[-1]
        if what == "OPTION":
            return Option(self._format(content, False))
        if what == "SEQ":
            return Seq(self._format(content, False))
        if what == "MAP" and isinstance(content, dict) and set(content) == {"KEY", "VALUE"}:
            return Map(self._format(content["KEY"], False), self._format(content["VALUE"], False))
        if what == "TUPLE":
            return self._tuple(content, direct)
        if what == "TUPLEARRAY" and isinstance(content, dict) and set(content) == {"CONTENT", "SIZE"}:
            size = content["SIZE"]
            if _is_count(size):
                return TupleArray(self._format(content["CONTENT"], direct), size)
        raise SchemaError(f"{show(form)} is not a valid format")

    def _tuple(self, content: Document, direct: bool) -> Node:
        if not isinstance(content, list):
            raise SchemaError(f"{show(content)} is not a list of formats")
        return Tuple([self._format(part, direct) for part in content])

    def _container(self, form: Document) -> Node:
        if form == "UNITSTRUCT":
            return Unit()
        what, content = _only_member(form, "container")
        if what == "NEWTYPESTRUCT":
            return Newtype(self._format(content, True))
        if what == "TUPLESTRUCT":
            return self._tuple(content, True)
        if what == "STRUCT":
            return self._struct(content, True)
        if what == "ENUM" and isinstance(content, dict):
            return self._enum(content)
        raise SchemaError(f"{show(form)} is not a valid container")

    def _struct(self, content: Document, direct: bool) -> Node:
        if not isinstance(content, list):
            raise SchemaError(f"{show(content)} is not a list of fields")
        fields = [_only_member(field, "field") for field in content]
        for name, _ in fields:
            _check_name(name)
        if len({name for name, _ in fields}) != len(fields):
            raise SchemaError(f"two fields of {show(content)} have the same name")
        return Struct([(name, self._format(form, direct)) for name, form in fields])

    def _enum(self, content: dict[str, Document]) -> Node:
        variants: dict[int, tuple[str, Node | None]] = {}
        for index, named in content.items():
            if not _INDEX.fullmatch(index) or int(index) >= 1 << 32:
                raise SchemaError(f"{show(index)} is not the index of an enum variant")
            name, form = _only_member(named, "variant")
            _check_name(name)
            variants[int(index)] = (name, self._variant(form))
        if len({name for name, _ in variants.values()}) != len(variants):
            raise SchemaError(f"two variants of {show(content)} have the same name")
        return Enum(variants)

    def _variant(self, form: Document) -> Node | None:
        if form == "UNIT":
            return None
        what, content = _only_member(form, "variant")
        if what == "NEWTYPE":
            return Newtype(self._format(content, False))
        if what == "TUPLE":
            return self._tuple(content, False)
        if what == "STRUCT":
            return self._struct(content, False)
        raise SchemaError(f"{show(form)} is not a valid variant")


def _only_member(form: Document, sort: str) -> tuple[str, Document]:
    """Returns the name and content of the only member of an object. Raises SchemaError if it has not one member."""
    if not isinstance(form, dict) or len(form) != 1:
        raise SchemaError(f"{show(form)} is not a valid {sort}")
    return next(iter(form.items()))
