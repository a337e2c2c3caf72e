"""The layout of a region's file, and the checks of its header. FORMAT.md, sections 2 to 5 and 8. Opens no files."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

from ._errors import Damaged, NotARegion, TooLarge, UnknownFormat

MAGIC = b"shm\0ring"
VERSION = (0, 1)
HEADER_BYTES = 4096
FIXED_BYTES = 256  # the start of the header page, which is written once and covered by the CRC
LARGEST_NUMBER = 1 << 62
LARGEST_DESCRIPTOR = 1 << 20
LARGEST_REGION = 1 << 40  # not a limit of the format, but the same as in the Rust library
LARGEST_SPIN_NS = 1_000_000_000
CHECKSUMS = 1  # bit of `compatible`

# The positions of the fields that change, as indices of 8-byte words or of 4-byte halves
EPOCH_WORD, STARTED_WORD, PID_HALF = 256 // 8, 264 // 8, 272 // 4
STATE_HALF, BELL_HALF, HEAD_WORD, FIRST_WORD = 384 // 4, 388 // 4, 392 // 8, 400 // 8

OPEN, CLOSED, MOVING, MOVED = 1, 2, 3, 4
STATES = {OPEN: "open", CLOSED: "closed", MOVING: "moving", MOVED: "moved"}

BYTES, TEXT, JSON, ARRAY, BINCODE = 1, 2, 3, 4, 5
KINDS = {BYTES: "bytes", TEXT: "text", JSON: "json", ARRAY: "array", BINCODE: "bincode"}

# A slot begins with the stamp, the length word and the time, 8 bytes each.
LENGTH_MASK = (1 << 48) - 1
FLAG_CHECKSUM = 1 << 48

_HEADER = struct.Struct("<8sHHIQQQ16sQQQQIIIIIIQQ16s16sQ84xI")
assert _HEADER.size == FIXED_BYTES
_RECORD = struct.Struct("<II")
_SCHEMA_TAG = 1


def round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@dataclass(frozen=True)
class Header:
    """The part of a header that is written once. `parse` returns only headers that have passed all checks."""

    region_bytes: int
    lineage: bytes
    slots: int
    capacity: int
    stride: int
    kind: int
    descriptor_bytes: int
    descriptor_crc: int
    fingerprint: int
    boot_id: int
    created_ns: int
    compatible: int = 0
    file_number: int = 1
    payload_offset: int = 24
    payload_alignment: int = 8
    spin_ns: int = 20_000
    origin: bytes = bytes(16)

    @property
    def slots_start(self) -> int:
        return round_up(HEADER_BYTES + self.descriptor_bytes, 128)

    @property
    def checksums(self) -> bool:
        return bool(self.compatible & CHECKSUMS)

    @property
    def trailer(self) -> int:
        return 8 if self.checksums else 0

    @property
    def slots_end(self) -> int:
        return self.slots_start + self.slots * self.stride

    def with_sizes(self) -> Header:
        """Returns a copy of this header in which `stride` and `region_bytes` are computed from the other fields."""
        room = self.payload_offset + self.capacity + self.trailer
        sized = replace(self, stride=round_up(room, max(64, self.payload_alignment)))
        return replace(sized, region_bytes=round_up(sized.slots_end, 4096))

    def pack(self) -> bytes:
        """Returns the first 256 bytes of the file, with their CRC."""
        raw = _HEADER.pack(
            MAGIC, *VERSION, HEADER_BYTES, self.compatible, 0, self.region_bytes, self.lineage, self.file_number,
            self.slots, self.capacity, self.stride, self.payload_offset, self.payload_alignment, self.kind,
            self.descriptor_bytes, self.descriptor_crc, 0, self.fingerprint, self.spin_ns,
            self.boot_id.to_bytes(16, "little"), self.origin, self.created_ns, 0,
        )  # fmt: skip
        return raw[:-4] + zlib.crc32(raw[:-4]).to_bytes(4, "little")


def parse(raw: bytes, file_bytes: int, limit: int) -> Header:
    """Parses and checks a header, in the order of FORMAT.md, section 8.

    Args:
        raw: The first 256 bytes of the file.
        file_bytes: The length of the file in bytes.
        limit: The largest length in bytes that is accepted.
    """
    if raw[:8] != MAGIC:
        raise NotARegion("the file of this name does not begin like a region")
    if file_bytes < HEADER_BYTES or len(raw) < FIXED_BYTES:
        raise Damaged(f"its file has {file_bytes} bytes, too few for a header")
    (_, major, minor, header_bytes, compatible, incompatible, region_bytes, lineage, file_number, slots, capacity,
     stride, payload_offset, payload_alignment, kind, descriptor_bytes, descriptor_crc, _, fingerprint, spin_ns,
     boot_id, origin, created_ns, crc) = _HEADER.unpack(raw)  # fmt: skip
    if (major, minor) != VERSION:
        raise UnknownFormat(
            f"it has format version {major}.{minor}, and this package supports only version 0.1",
            "use the version of shm that wrote it, or choose another name",
        )
    if crc != zlib.crc32(raw[:-4]):
        raise Damaged("the CRC of its header is wrong")
    if incompatible:
        raise UnknownFormat(f"it uses features that this package does not support (bits {incompatible:#x})")
    header = Header(
        region_bytes, lineage, slots, capacity, stride, kind, descriptor_bytes, descriptor_crc, fingerprint,
        int.from_bytes(boot_id, "little"), created_ns, compatible, file_number, payload_offset, payload_alignment,
        spin_ns, origin,
    )  # fmt: skip
    if header_bytes != HEADER_BYTES:
        raise Damaged(f"its header gives its own length as {header_bytes} bytes, not 4096")
    if wrong := _wrong_field(header):
        raise Damaged(f"its header contains the impossible value {getattr(header, wrong)} in field '{wrong}'")
    if file_bytes != region_bytes:
        raise Damaged(f"its file has {file_bytes} bytes, but its header gives {region_bytes}")
    if region_bytes > limit:
        raise TooLarge(f"it has {region_bytes} bytes, and the limit is {limit}")
    return header


def _wrong_field(h: Header) -> str:
    """Returns the name of the first field that violates the table of section 8, or ""."""
    alignment = h.payload_alignment
    checks = {
        "slots": _power_of_two(h.slots) and h.slots >= 2,
        "capacity": h.capacity % 8 == 0 and h.capacity > 0,
        "payload_alignment": _power_of_two(alignment) and 8 <= alignment <= 4096,
        "payload_offset": h.payload_offset % 8 == 0
        and h.payload_offset >= 24
        and (h.slots_start + h.payload_offset) % max(1, alignment) == 0,
        "stride": h.stride % 64 == 0
        and h.stride % max(1, alignment) == 0
        and h.stride >= h.payload_offset + h.capacity + h.trailer,
        "region_bytes": h.slots_end <= h.region_bytes and h.region_bytes % 8 == 0,
        "spin_ns": h.spin_ns <= LARGEST_SPIN_NS,
        "descriptor_bytes": h.descriptor_bytes <= LARGEST_DESCRIPTOR,
    }
    return next((name for name, holds in checks.items() if not holds), "")


def _power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def descriptor_of(document: bytes | None) -> bytes:
    """Returns a descriptor whose only record is the schema `document`, or an empty one for None."""
    if document is None:
        return b""
    record = _RECORD.pack(_SCHEMA_TAG, len(document)) + document
    return record + bytes(-len(record) % 8)


def schema_in(descriptor: bytes) -> bytes | None:
    """Returns the content of the first schema record, or None. Checks all records, also those after it."""
    schema = None
    at = 0
    while at < len(descriptor):
        if at + 8 > len(descriptor):
            raise Damaged("a record in its descriptor is longer than the descriptor")
        tag, length = _RECORD.unpack_from(descriptor, at)
        if at + 8 + round_up(length, 8) > len(descriptor):
            raise Damaged("a record in its descriptor is longer than the descriptor")
        if tag == _SCHEMA_TAG and schema is None:
            schema = descriptor[at + 8 : at + 8 + length]
        at += 8 + round_up(length, 8)
    return schema


def fingerprint_of(document: bytes | None) -> int:
    """Returns the 64-bit FNV-1a hash of a schema, or 0 for None. No schema has fingerprint 0."""
    if document is None:
        return 0
    hashed = 0xCBF29CE484222325
    for byte in document:
        hashed = (hashed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return hashed or 1


_CHECKED = struct.Struct("<QQ")


def checksum(number: int, length_word: int, payload: bytes | bytearray | memoryview) -> int:
    """Returns the CRC-32 of a value, computed over its number, its length word and its payload."""
    return zlib.crc32(payload, zlib.crc32(_CHECKED.pack(number, length_word)))
