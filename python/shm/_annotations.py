"""Schemas from Python types: dataclasses, TypedDicts, enums and annotations such as `list[int]`."""

from __future__ import annotations

import dataclasses
import enum
import sys
import types
import typing
from typing import Any

from ._codec import show
from ._errors import BadOption

_ADVICE = "use a supported type, or give the schema as a document of docs/FORMAT.md, section 22"
_PLAIN = {int: "I64", float: "F64", bool: "BOOL", str: "STR", bytes: "BYTES", None: "UNIT", type(None): "UNIT"}
_WIDTHS = {
    "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64", "char",
}  # fmt: skip
_NUMPY = {"b": "BOOL", "i": "I", "u": "U", "f": "F"}


def is_annotation(schema: Any) -> bool:
    """Returns whether a schema is given as a Python type, and not as a document."""
    return isinstance(schema, (type, types.GenericAlias, types.UnionType)) or typing.get_origin(schema) is not None


def document_of(annotation: Any) -> dict[str, Any]:
    """Returns the schema document of a Python type. Raises BadOption."""
    found = _Types()
    return {"type": found.format(annotation, ""), "types": found.types}


class _Types:
    """The structs and enums found so far."""

    def __init__(self) -> None:
        self.types: dict[str, Any] = {}
        self._owners: dict[str, Any] = {}

    def format(self, annotation: Any, place: str) -> Any:
        if isinstance(annotation, type) and annotation in _PLAIN or annotation is None:
            return _PLAIN[annotation]
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            return self._annotated(arguments, place)
        if origin in (typing.Union, types.UnionType):
            contents = [argument for argument in arguments if argument is not type(None)]
            if len(contents) == 1 and len(arguments) == 2:
                return {"OPTION": self.format(contents[0], place)}
        if origin is list and len(arguments) == 1:
            return {"SEQ": self.format(arguments[0], f"{place}[]")}
        if origin is dict and len(arguments) == 2:
            key, value = (self.format(argument, f"{place}[]") for argument in arguments)
            return {"MAP": {"KEY": key, "VALUE": value}}
        if origin is tuple and annotation is not typing.Tuple:
            if len(arguments) == 2 and arguments[1] is ...:
                return {"SEQ": self.format(arguments[0], f"{place}[]")}
            return {"TUPLE": [self.format(argument, f"{place}[{index}]") for index, argument in enumerate(arguments)]}
        if isinstance(annotation, type):
            numpy = sys.modules.get("numpy")
            if numpy is not None and issubclass(annotation, numpy.generic):
                return self._numpy(numpy.dtype(annotation), annotation, place)
            if issubclass(annotation, enum.Enum):
                return self._named(annotation, place, lambda: {"ENUM": _variants(annotation)})
            if dataclasses.is_dataclass(annotation) or typing.is_typeddict(annotation):
                return self._named(annotation, place, lambda: {"STRUCT": self._fields(annotation, place)})
        raise _unsupported(annotation, place)

    def _annotated(self, arguments: tuple[Any, ...], place: str) -> Any:
        widths = [argument for argument in arguments[1:] if isinstance(argument, str) and argument in _WIDTHS]
        if not widths:
            return self.format(arguments[0], place)
        kind = {"f": float, "c": str}.get(widths[0][0], int)
        if arguments[0] is not kind:
            raise BadOption(f"{_at(place)}{widths[0]!r} cannot be the width of {show(arguments[0])}", _ADVICE)
        return widths[0].upper()

    def _numpy(self, dtype: Any, annotation: Any, place: str) -> str:
        kind = _NUMPY.get(dtype.kind)
        name = "BOOL" if kind == "BOOL" else f"{kind}{8 * dtype.itemsize}"
        if kind is None or name in ("F16", "F128"):
            raise _unsupported(annotation, place)
        return name

    def _named(self, annotation: type, place: str, container: Any) -> Any:
        name = annotation.__name__
        if self._owners.setdefault(name, annotation) is not annotation:
            raise BadOption(f"{_at(place)}two types have the name {name!r}", "choose another name for one of them")
        if name not in self.types:
            self.types[name] = None  # while its fields, which may refer to it, are examined
            self.types[name] = container()
        return {"TYPENAME": name}

    def _fields(self, annotation: Any, place: str) -> list[dict[str, Any]]:
        prefix = f"{place}." if place else ""
        try:
            hints = typing.get_type_hints(annotation, include_extras=True)
        except Exception as error:
            fault = f"{_at(place)}the annotations of {annotation.__name__!r} cannot be looked up: {show(error)}"
            raise BadOption(fault, "have the types that it names defined before it is used") from error
        if dataclasses.is_dataclass(annotation):
            names = [field.name for field in dataclasses.fields(annotation)]
        else:
            names = list(hints)
            absent = [name for name in names if _may_be_absent(annotation, name, hints[name])]
            if absent:
                fault = f"{_at(place)}the keys {show(absent)} of {annotation.__name__!r} may be absent"
                raise BadOption(fault, "give each key, with a type such as int | None if it may have no value")
        return [{name: self.format(hints[name], f"{prefix}{name}")} for name in names]


def _may_be_absent(annotation: Any, name: str, hint: Any) -> bool:
    # If annotations are strings, `__optional_keys__` lacks the keys that are marked individually.
    return name in annotation.__optional_keys__ or "NotRequired" in str(typing.get_origin(hint))


def _variants(annotation: Any) -> dict[str, Any]:
    return {str(index): {name: "UNIT"} for index, name in enumerate(annotation.__members__)}


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _unsupported(annotation: Any, place: str) -> BadOption:
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return BadOption(f"{_at(place)}no schema can be derived from {shown!r}", _ADVICE)
