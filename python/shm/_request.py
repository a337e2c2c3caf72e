"""Checks the arguments of Reader and Writer, and computes the header of a region from them. Opens no files."""

from __future__ import annotations

import operator
import secrets
import zlib
from dataclasses import dataclass, replace
from typing import Any

from . import _annotations, _arguments, _difference, _format, _schema
from ._codec import show
from ._errors import BadOption, BadType, TypeMismatch
from ._format import ARRAY, BINCODE, BYTES, CHECKSUMS, KINDS, Header, round_up
from ._sizes import DEFAULT_SLOTS, default_capacity, grown_slots
from ._values import dtype_name

_MODES = (0o600, 0o640, 0o604, 0o644)
_NUMBERS = {name: number for number, name in KINDS.items()}
_DEFAULT = Header(
    region_bytes=0, lineage=b"", slots=DEFAULT_SLOTS, capacity=0, stride=0, kind=BYTES,
    descriptor_bytes=0, descriptor_crc=0, fingerprint=0, boot_id=0, created_ns=0,
)  # fmt: skip


@dataclass(frozen=True)
class ValueType:
    """The kind and type that the caller asks for. None means any."""

    kind: int | None
    document: bytes | None  #: the schema in canonical form

    def accepts(self, kind: int, document: bytes | None) -> bool:
        """Returns whether a region of this kind and schema matches."""
        return self.kind in (None, kind) and self.document in (None, document)

    def check(self, kind: int, document: bytes | None) -> None:
        """Raises TypeMismatch, which names the first difference, if a region of this kind and schema does not match."""
        if self.accepts(kind, document):
            return
        if self.kind is not None and self.kind != kind:
            raise TypeMismatch(
                f"its kind is {KINDS[kind]!r}, not {KINDS[self.kind]!r}",
                "leave out kind, dtype, shape and schema to accept its kind, or choose another name",
            )
        arguments = "dtype and shape" if kind == ARRAY else "schema"
        raise TypeMismatch(
            f"its type does not match: {_difference.between(document, self.document or b'')}",
            f"leave out {arguments} to accept its type, or choose another name",
        )


def value_type(kind: str | None, dtype: Any, shape: tuple[int, ...] | list[int] | None, schema: Any) -> ValueType:
    """Returns the kind and type that these arguments describe. Raises BadOption if they are not valid together."""
    if kind is not None and (not isinstance(kind, str) or kind not in _NUMBERS):
        raise BadOption(f"there is no kind {show(kind)}", f"use one of {', '.join(map(repr, _NUMBERS))}")
    if (dtype is None) != (shape is None):
        given, missing = ("dtype", "shape") if shape is None else ("shape", "dtype")
        raise BadOption(f"{given} was given without {missing}", "give both or neither")
    if dtype is not None and schema is not None:
        raise BadOption("dtype and shape cannot be combined with schema", "leave out one of them")
    if dtype is None and schema is None:
        return ValueType(None if kind is None else _NUMBERS[kind], None)
    if dtype is not None:
        schema = {"dtype": dtype_name(dtype), "shape": _lengths(shape)}
    elif _annotations.is_annotation(schema):
        schema = _annotations.document_of(schema)
    try:
        document = _schema.canonical(schema)
    except _schema.SchemaError as error:
        if dtype is None:
            advice = "give a schema that follows section 22 of docs/FORMAT.md"
            raise BadOption(f"schema is not valid: {error}", advice) from error
        raise BadOption(str(error), error.advice or "give another dtype or shape") from error
    implied = ARRAY if document.startswith(b'{"dtype"') else BINCODE
    if kind not in (None, KINDS[implied]):
        what = "schema" if dtype is None else "dtype and shape"
        raise BadOption(f"{what} cannot be combined with kind={kind!r}", "leave out one of them")
    return ValueType(implied, document)


@dataclass(frozen=True)
class Request:
    """The arguments of a Writer. None means: as in the existing region, or the default for a new one."""

    type: ValueType
    replace: bool
    slots: int | None
    capacity: int | None
    mode: int | None
    checksum: bool | None

    def __post_init__(self) -> None:
        """Raises BadOption for values that no region can have."""
        if self.replace and self.type.kind is None:
            raise BadOption("replace=True was given without a kind or type", "give kind, dtype and shape, or schema")
        slots, capacity, mode = self.slots, self.capacity, self.mode
        if slots is not None and (slots < 2 or slots & (slots - 1)):
            near = 2 if slots < 2 else 1 << (slots - 1).bit_length()
            raise BadOption(f"slots must be a power of two and at least 2, not {slots}", f"use {near}")
        if capacity is not None and capacity < 0:
            raise BadOption(f"capacity must be a number of bytes, not {capacity}", "use 0 or more")
        if mode is not None and mode not in _MODES:
            raise BadOption(f"mode {oct(mode)} is not possible", f"use one of {', '.join(map(oct, _MODES))}")


def checked_request(type: ValueType, replace: Any, slots: Any, capacity: Any, mode: Any, checksum: Any) -> Request:
    """Checks the arguments of a Writer. Raises BadOption."""
    if checksum is not None:
        checksum = _arguments.flag("checksum", checksum)
    return Request(
        type, _arguments.flag("replace", replace), _arguments.integer("slots", slots),
        _arguments.integer("capacity", capacity), _arguments.integer("mode", mode), checksum,
    )  # fmt: skip


def _lengths(shape: Any) -> list[int]:
    """Returns a shape as a list. Raises BadType if it is not a tuple or list of integers."""
    try:
        if not isinstance(shape, (tuple, list)) or any(map(_arguments.is_bool, shape)):
            raise TypeError
        return [operator.index(length) for length in shape]
    except Exception as error:
        fault = f"shape must be a tuple of integers, not {show(shape)}"
        raise BadType(fault, "give it as a tuple of int") from error


def plan(found: Header | None, document: bytes | None, request: Request) -> tuple[Header, bytes | None]:
    """Computes the header and the schema document that the region must have.

    Args:
        found: The header of the existing region, or None for a new region.
        document: The schema document of the existing region.
        request: The arguments of the Writer.

    Returns:
        `found` itself and its `document` if the region can stay as it is. Otherwise those of the file to create.
    """
    old = found or _DEFAULT
    kind = request.type.kind or old.kind
    changed: dict[str, Any] = {"kind": kind}
    if kind != old.kind or request.type.document not in (None, document):
        document = request.type.document
        changed |= _fields_of_type(document)
    if kind == ARRAY and document is None:
        raise BadOption("a new region of arrays needs dtype and shape", "give them, or leave out kind")
    keeps_values = found is not None and kind == found.kind and "fingerprint" not in changed
    changed["slots"], changed["capacity"] = _sizes(found, keeps_values, _array_bytes(kind, document), request)
    if request.checksum is not None:
        changed["compatible"] = old.compatible & ~CHECKSUMS | (CHECKSUMS if request.checksum else 0)
    planned = replace(old, **changed)
    if planned == found:
        return found, document
    if found is None:
        planned = replace(planned, lineage=secrets.token_bytes(16))
    return replace(planned, payload_offset=24, payload_alignment=8).with_sizes(), document


def _sizes(found: Header | None, keeps_values: bool, array_bytes: int, request: Request) -> tuple[int, int]:
    """Returns the slots and the capacity. A region that keeps its values gets neither fewer nor smaller slots."""
    asked = None if request.capacity is None else round_up(max(request.capacity, 8), 8)
    if found is None:
        capacity = asked or round_up(array_bytes, 8) or default_capacity(request.slots)
        return request.slots or grown_slots(DEFAULT_SLOTS, 0, capacity), capacity
    if not keeps_values:
        capacity = asked or max(found.capacity, round_up(array_bytes, 8))
        return request.slots or grown_slots(found.slots, found.capacity, capacity), capacity
    asked = asked or found.capacity
    slots = request.slots or found.slots
    if request.slots and asked < found.capacity:
        slots = grown_slots(slots, asked, found.capacity)  # growing has reduced their number
    return max(slots, found.slots), max(asked, found.capacity)


def _fields_of_type(document: bytes | None) -> dict[str, int]:
    """Returns the header fields that depend on the schema."""
    descriptor = _format.descriptor_of(document)
    return {
        "descriptor_bytes": len(descriptor),
        "descriptor_crc": zlib.crc32(descriptor),
        "fingerprint": _format.fingerprint_of(document),
    }


def _array_bytes(kind: int, document: bytes | None) -> int:
    """Returns the payload length in bytes of a region of arrays whose shape is fixed, and 0 for other regions."""
    schema = _schema.parse(document) if kind == ARRAY and document is not None else None
    return schema.unit_bytes if isinstance(schema, _schema.ArraySchema) and schema.shape[:1] != (0,) else 0
