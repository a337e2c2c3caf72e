"""From what a writer's caller asks for to the header of a file: kinds, sizes, defaults. No files here."""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass, replace
from typing import Any

from . import _format, _schema
from ._format import ARRAY, BINCODE, BYTES, CHECKSUMS, KINDS, Header, round_up
from ._values import dtype_name

_DEFAULT_SLOTS = 64
_DEFAULT_SIZE = 4096
_ROOM_BYTES = 64 << 20  # beyond this, a region gets fewer slots, but not fewer than
_FEWEST_SLOTS = 4
_MODES = (0o600, 0o640, 0o604, 0o644)
_DEFAULT = Header(
    region_bytes=0, lineage=b"", slots=_DEFAULT_SLOTS, capacity=_DEFAULT_SIZE, stride=0, kind=BYTES,
    descriptor_bytes=0, descriptor_crc=0, fingerprint=0, boot_id=0, created_ns=0,
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What the caller asked for; None is "as found, or the default"."""

    kind: int | None
    document: bytes | None
    slots: int | None
    size: int | None
    mode: int | None
    checksum: bool | None


def ask(
    kind: str | None,
    dtype: Any,
    shape: tuple[int, ...] | list[int] | None,
    schema: Any,
    slots: int | None,
    size: int | None,
    mode: int | None,
    checksum: bool | None,
) -> Wanted:
    """Raises ValueError for what can never be right."""
    if (dtype is None) != (shape is None) or (dtype is not None and schema is not None):
        raise ValueError("give dtype and shape, or schema")
    if dtype is not None:
        schema = {"dtype": dtype_name(dtype), "shape": list(shape or ())}
    document = None
    if schema is not None:
        document = _schema.canonical(schema)
        implied = KINDS[ARRAY if dtype is not None or document.startswith(b'{"dtype"') else BINCODE]
        if kind not in (None, implied):
            raise ValueError(f"a region of kind {kind!r} has no such schema; leave kind out")
        kind = implied
    numbers = {name: number for number, name in KINDS.items()}
    if kind is not None and kind not in numbers:
        raise ValueError(f"kind is one of {', '.join(numbers)}, not {kind!r}")
    if slots is not None and (slots < 2 or slots & (slots - 1)):
        raise ValueError(f"slots is a power of two and at least 2, not {slots}")
    if size is not None and size < 0:
        raise ValueError(f"size is a number of bytes, not {size}")
    if mode is not None and mode not in _MODES:
        raise ValueError(f"mode is one of {', '.join(map(oct, _MODES))}, not {oct(mode)}")
    return Wanted(None if kind is None else numbers[kind], document, slots, size, mode, checksum)


def plan(found: Header | None, document: bytes | None, wanted: Wanted) -> tuple[Header, bytes | None]:
    """The header and the schema that the region should have: `found` itself and its `document`, if they will do."""
    old = found or _DEFAULT
    kind = wanted.kind or old.kind
    changed: dict[str, Any] = {"kind": kind}
    if kind != old.kind or wanted.document not in (None, document):
        document = wanted.document
        changed |= _type(document)
    if kind == ARRAY and document is None:
        raise ValueError("a new region of arrays needs dtype and shape")
    size = round_up(max(wanted.size or _array_bytes(kind, document), 8), 8)
    if found is not None:
        size = max(size, found.capacity)  # it has grown, or was made larger on purpose
    elif wanted.size is None and kind != ARRAY:
        size = _DEFAULT_SIZE
    changed["capacity"] = size
    changed["slots"] = wanted.slots or old.slots
    if wanted.checksum is not None:
        changed["compatible"] = old.compatible & ~CHECKSUMS | (CHECKSUMS if wanted.checksum else 0)
    planned = replace(old, **changed)
    if planned == found:
        return found, document
    if found is None:
        planned = replace(planned, lineage=secrets.token_bytes(16))
    planned = replace(planned, payload_offset=24, payload_alignment=8).with_sizes()
    return planned if wanted.slots else fewer_slots(planned), document


def fewer_slots(header: Header) -> Header:
    """With sizes, and with fewer slots if they are many and large."""
    header = header.with_sizes()
    while header.slots > _FEWEST_SLOTS and header.slots * header.stride > _ROOM_BYTES:
        header = replace(header, slots=header.slots // 2).with_sizes()
    return header


def _type(document: bytes | None) -> dict[str, int]:
    """The fields of a header that follow from a schema."""
    descriptor = _format.descriptor_of(document)
    return {
        "descriptor_bytes": len(descriptor),
        "descriptor_crc": zlib.crc32(descriptor),
        "fingerprint": _format.fingerprint_of(document),
    }


def _array_bytes(kind: int, document: bytes | None) -> int:
    """The length of a payload of kind 4; that of one row, where the schema leaves the number of rows open."""
    schema = _schema.parse(document) if kind == ARRAY and document is not None else None
    return schema.unit_bytes if isinstance(schema, _schema.ArraySchema) else 0
