"""The regions of a directory, and what a region's header says. Changes and locks nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import _files, _format, _lock, _schema
from ._errors import Error
from ._ring import Ring


@dataclass(frozen=True)
class Info:
    """A region as `inspect` found it. Times are in nanoseconds since 1970, lengths in bytes."""

    region: str  #: the name
    kind: str  #: "bytes", "text", "json", "array" or "bincode"; "unknown (9)" for kind number 9
    schema: Any  #: of a region of kind "bincode", as parsed JSON; None without one
    array: Any  #: the dtype and shape of a region of arrays, as a dict; None for other kinds
    slots: int  #: how many values there is room for
    capacity: int  #: bytes that a slot holds
    retained: int  #: how many values can still be read
    region_bytes: int  #: length of the file
    checksum: bool  #: whether values have checksums
    state: str  #: "open" (also if its writer died), "closed", "moving" or "moved"; "unknown (9)" for another number
    writer: str  #: "alive", "gone", or "unknown" if this user may not ask
    pid: int  #: process of the last writer, by its own account
    owner: int  #: user to whom the file belongs
    mode: int  #: permission bits of the file
    first: int  #: the oldest number that this file ever held
    head: int  #: number of the newest value; first - 1 while there is none
    newest_time: int | None  #: when the newest value was published
    created: int  #: when the file was created
    started: int  #: when the last writer started
    epoch: int  #: how many writers this lineage has had
    lineage: str  #: random number that a region shares with the files that replace it
    file_number: int  #: which file of its lineage this is, from 1
    origin: str  #: the lineage of which this region is a copy; zeros for an original
    boot_id: str  #: the kernel's boot id when the file was created
    bell: int  #: the number that sleeping readers watch
    stride: int  #: bytes from one slot to the next
    payload_offset: int  #: where the payload starts in its slot
    payload_alignment: int  #: each payload starts at a multiple of this many bytes in the file
    descriptor_bytes: int  #: length of the descriptor that follows the header page
    fingerprint: str  #: of the schema; zeros without one
    spin_ns: int  #: for how long a reader polls before it sleeps
    version: str  #: of the format
    compatible: int  #: feature bits that older programs may ignore
    incompatible: int  #: feature bits that a program must know


@dataclass(frozen=True)
class Region:
    """A region in the directory, with what its header says, or why that could not be read."""

    name: str
    info: Info | None
    problem: str = ""


def inspect(name: str | os.PathLike[str]) -> Info:
    """What a region's header says. Errors as for opening a Reader."""
    try:
        location = _files.Location(name)
        region = _files.open_region(location, _format.LARGEST_REGION)
    except Error as error:
        error.during(f"cannot inspect region {os.fspath(name)!r}")
        raise
    header = region.header
    ring = Ring(region.map, header, _files.boot_id())
    head = ring.words[_format.HEAD_WORD]
    is_array = header.kind == _format.ARRAY
    schema = _schema.parsed(region.document)
    return Info(
        region=location.name,
        kind=_format.KINDS.get(header.kind, f"unknown ({header.kind})"),
        schema=None if is_array else schema,
        array=schema if is_array else None,
        slots=header.slots,
        capacity=header.capacity,
        retained=ring.retained(head),
        region_bytes=header.region_bytes,
        checksum=header.checksums,
        state=_format.STATES.get(ring.state, f"unknown ({ring.state})"),
        writer=_lock.writer_status(location),
        pid=ring.halves[_format.PID_HALF],
        owner=region.status.st_uid,
        mode=region.status.st_mode & 0o777,
        first=ring.first,
        head=head,
        newest_time=_newest_time(ring),
        created=header.created_ns,
        started=ring.words[_format.STARTED_WORD],
        epoch=ring.words[_format.EPOCH_WORD],
        lineage=_hexadecimal(header.lineage),
        file_number=header.file_number,
        origin=_hexadecimal(header.origin),
        boot_id=f"{header.boot_id:032x}",
        bell=ring.halves[_format.BELL_HALF],
        stride=header.stride,
        payload_offset=header.payload_offset,
        payload_alignment=header.payload_alignment,
        descriptor_bytes=header.descriptor_bytes,
        fingerprint=f"{header.fingerprint:016x}",
        spin_ns=header.spin_ns,
        version=".".join(map(str, _format.VERSION)),
        compatible=header.compatible,
        incompatible=0,  # `open_region` refuses all others
    )


def _newest_time(ring: Ring) -> int | None:
    with suppress(Error):
        if ring.latest(0):
            return ring.time
    return None


def _hexadecimal(number: bytes) -> str:
    return f"{int.from_bytes(number, 'little'):032x}"


def regions() -> list[Region]:
    """All regions in `$SHM_DIR`, or /dev/shm, sorted by name, damaged ones included."""
    directory = _files.region_directory()
    try:
        names = sorted(name for name in os.listdir(directory) if _files.is_file_name(name))
    except OSError as error:
        raise Error(f"cannot list the regions in {directory}: {_files.explained(error)}") from error
    return [_inspected(name) for name in names if _files.begins_with_magic(os.path.join(directory, name))]


def _inspected(name: str) -> Region:
    try:
        return Region(name, inspect(name))
    except Error as error:
        return Region(name, None, str(error))
