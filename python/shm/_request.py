"""From the options that a caller gives to the header of a region: kinds, types, sizes, defaults. No files here."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass, replace
from typing import Any

from . import _difference, _format, _schema
from ._errors import TypeMismatch
from ._format import ARRAY, BINCODE, BYTES, CHECKSUMS, KINDS, Header, round_up
from ._values import dtype_name

_DEFAULT_SLOTS = 64
_DEFAULT_CAPACITY = 4096
_MANY_BYTES = 64 << 20  # a region with more than this gets fewer slots, but not fewer than
_FEWEST_SLOTS = 4
_MODES = (0o600, 0o640, 0o604, 0o644)
_NUMBERS = {name: number for number, name in KINDS.items()}
_DEFAULT = Header(
    region_bytes=0, lineage=b"", slots=_DEFAULT_SLOTS, capacity=_DEFAULT_CAPACITY, stride=0, kind=BYTES,
    descriptor_bytes=0, descriptor_crc=0, fingerprint=0, boot_id=0, created_ns=0,
)  # fmt: skip


@dataclass(frozen=True)
class ValueType:
    """The kind and type that a caller asks for. None stands for any."""

    kind: int | None
    document: bytes | None  #: the schema in its canonical form

    def accepts(self, kind: int, document: bytes | None) -> bool:
        """Whether this is what a region of this kind and schema holds."""
        return self.kind in (None, kind) and self.document in (None, document)

    def check(self, kind: int, document: bytes | None) -> None:
        """Raises TypeMismatch with the first difference from a region's kind and schema, which are valid."""
        if self.accepts(kind, document):
            return
        if self.kind is not None and self.kind != kind:
            difference = f"it holds {KINDS[kind]}, not {KINDS[self.kind]}"
        else:
            difference = f"it holds another type: {_difference.between(document, self.document or b'')}"
        raise TypeMismatch(f"{difference}; leave out kind and type to take what it holds, or use another name")


def value_type(kind: str | None, dtype: Any, shape: tuple[int, ...] | list[int] | None, schema: Any) -> ValueType:
    """Raises ValueError for options that contradict each other."""
    if kind not in (None, *_NUMBERS):
        raise ValueError(f"kind must be one of {', '.join(_NUMBERS)}, not {kind!r}")
    if (dtype is None) != (shape is None):
        raise ValueError("dtype and shape belong together: give both or neither")
    if dtype is not None and schema is not None:
        raise ValueError("dtype and shape cannot be combined with schema: give one of them")
    if dtype is None and schema is None:
        return ValueType(None if kind is None else _NUMBERS[kind], None)
    if dtype is not None:
        schema = {"dtype": dtype_name(dtype), "shape": list(shape or ())}
    try:
        document = _schema.canonical(schema)
    except _schema.SchemaError as error:
        raise ValueError(f"{'schema is' if dtype is None else 'dtype and shape are'} not valid: {error}") from error
    implied = ARRAY if document.startswith(b'{"dtype"') else BINCODE
    if kind not in (None, KINDS[implied]):
        what = "schema" if dtype is None else "dtype and shape"
        raise ValueError(f"{what} cannot be combined with kind {kind!r}: leave out one of them")
    return ValueType(implied, document)


@dataclass(frozen=True)
class Request:
    """What a writer's caller asks for. None means: as found, or the default."""

    type: ValueType
    replace: bool
    slots: int | None
    capacity: int | None
    mode: int | None
    checksum: bool | None

    def __post_init__(self) -> None:
        """Raises ValueError for options that can never be right."""
        slots, capacity, mode = self.slots, self.capacity, self.mode
        if self.replace and self.type.kind is None:
            raise ValueError("replace needs to know by what: give a kind, dtype and shape, or schema")
        if slots is not None and (slots < 2 or slots & (slots - 1)):
            raise ValueError(f"slots must be a power of two and at least 2, not {slots}")
        if capacity is not None and capacity < 0:
            raise ValueError(f"capacity must be a number of bytes, not {capacity}")
        if mode is not None and mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(map(oct, _MODES))}, not {oct(mode)}")


def plan(found: Header | None, document: bytes | None, request: Request) -> tuple[Header, bytes | None]:
    """The header and the schema that the region should have: `found` itself and its `document`, if they will do."""
    old = found or _DEFAULT
    kind = request.type.kind or old.kind
    changed: dict[str, Any] = {"kind": kind}
    if kind != old.kind or request.type.document not in (None, document):
        document = request.type.document
        changed |= _fields_of_type(document)
    if kind == ARRAY and document is None:
        raise ValueError("a new region of arrays needs dtype and shape")
    capacity = round_up(max(request.capacity or _array_bytes(kind, document), 8), 8)
    if found is not None:
        capacity = max(capacity, found.capacity)  # it has grown, or was made larger on purpose
    elif request.capacity is None and kind != ARRAY:
        capacity = _DEFAULT_CAPACITY
    changed["capacity"] = capacity
    changed["slots"] = request.slots or old.slots
    if request.checksum is not None:
        changed["compatible"] = old.compatible & ~CHECKSUMS | (CHECKSUMS if request.checksum else 0)
    planned = replace(old, **changed)
    if planned == found:
        return found, document
    if found is None:
        planned = replace(planned, lineage=secrets.token_bytes(16))
    planned = replace(planned, payload_offset=24, payload_alignment=8).with_sizes()
    return planned if request.slots else fewer_slots(planned), document


def fewer_slots(header: Header) -> Header:
    """With sizes, and with fewer slots if they are many and large."""
    header = header.with_sizes()
    while header.slots > _FEWEST_SLOTS and header.slots * header.stride > _MANY_BYTES:
        header = replace(header, slots=header.slots // 2).with_sizes()
    return header


def _fields_of_type(document: bytes | None) -> dict[str, int]:
    """The fields of a header that follow from a schema."""
    descriptor = _format.descriptor_of(document)
    return {
        "descriptor_bytes": len(descriptor),
        "descriptor_crc": zlib.crc32(descriptor),
        "fingerprint": _format.fingerprint_of(document),
    }


def _array_bytes(kind: int, document: bytes | None) -> int:
    """The length of an array's payload; that of one row, if the schema leaves the number of rows open."""
    schema = _schema.parse(document) if kind == ARRAY and document is not None else None
    return schema.unit_bytes if isinstance(schema, _schema.ArraySchema) else 0
