"""Describes one region, or all regions of a directory. Changes and locks nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import _files, _format, _lock, _schema
from ._errors import Error, NotARegion, NotFound
from ._ring import Ring


@dataclass(frozen=True)
class Info:
    """The state of a region, as `inspect` returns it.

    Times are in nanoseconds since 1970, lengths in bytes. The fields have the same names as in the output of
    `shm-reader inspect --json`.

    Attributes:
        region: The name.
        kind: "bytes", "text", "json", "array", "bincode", or for example "unknown (9)".
        schema: The schema of a region of kind "bincode", as parsed JSON, or None.
        array: The dtype and shape of a region of kind "array", as a dict, or None.
        slots: How many values the region has room for.
        capacity: How many bytes a slot has room for.
        retained: How many values can still be read.
        region_bytes: The length of the file.
        checksum: Whether values have checksums.
        state: "open" (also after its writer died), "closed", "moving", "moved", or for example "unknown (9)".
        writer: "alive", "gone", or "unknown" if this user may not check.
        pid: The process id that the last writer recorded.
        owner: The id of the user who owns the file.
        mode: The permission bits of the file.
        first: The number of the first value in this file, which may already be overwritten.
        head: The number of the newest value, or first - 1 if the file contains no value.
        newest_time: When the newest value was published, or None if it cannot be read.
        created: When the file was created.
        started: When the last writer opened the region.
        epoch: How many writers the lineage has had.
        lineage: A random number that the region shares with the files that replace it.
        file_number: The position of this file in its lineage, from 1.
        origin: The lineage that this region is a copy of, or zeros for an original.
        boot_id: The kernel's boot id when the file was created.
        bell: The number that the writer increases to wake readers.
        stride: The distance from one slot to the next.
        payload_offset: Where in a slot the payload starts.
        payload_alignment: In the file, each payload starts at a multiple of this number.
        descriptor_bytes: The length of the descriptor, which follows the header page.
        fingerprint: The hash of the schema, or zeros without one.
        spin_ns: How long a reader polls before it sleeps.
        version: The version of the format.
        compatible: The feature bits that older programs may ignore.
        incompatible: The feature bits that a program must know.
    """

    region: str
    kind: str
    schema: Any
    array: Any
    slots: int
    capacity: int
    retained: int
    region_bytes: int
    checksum: bool
    state: str
    writer: str
    pid: int
    owner: int
    mode: int
    first: int
    head: int
    newest_time: int | None
    created: int
    started: int
    epoch: int
    lineage: str
    file_number: int
    origin: str
    boot_id: str
    bell: int
    stride: int
    payload_offset: int
    payload_alignment: int
    descriptor_bytes: int
    fingerprint: str
    spin_ns: int
    version: str
    compatible: int
    incompatible: int


@dataclass(frozen=True)
class Region:
    """An entry in the list that `regions` returns.

    Attributes:
        name: The region's name.
        info: Its state, or None if it could not be read.
        problem: If `info` is None, the text of the error. Otherwise "".
    """

    name: str
    info: Info | None
    problem: str = ""


def inspect(name: str | os.PathLike[str]) -> Info:
    """Describes a region, without opening it for reading or writing values.

    Args:
        name: The region's name, or a path that contains a `/`.

    Raises:
        BadName, NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported, Error: as for `Reader`.

    Example:
        >>> shm.inspect("demo").head
        1
    """
    try:
        location = _files.Location(name)
        region = _files.open_region(location, _format.LARGEST_REGION)
    except Error as error:
        error.during(f"cannot inspect region {_files.title(name)!r}")
        raise
    header = region.header
    ring = Ring(region.map, header, region.present_boot)
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
        incompatible=0,  # `open_region` refuses all other values
    )


def _newest_time(ring: Ring) -> int | None:
    with suppress(Error):
        if ring.latest(0):
            return ring.time
    return None


def _hexadecimal(number: bytes) -> str:
    return f"{int.from_bytes(number, 'little'):032x}"


def regions() -> list[Region]:
    """Lists all regions in the directory `$SHM_DIR`, or in /dev/shm if that variable is not set.

    The list is sorted by name. Regions that are damaged, or that cannot be read, are included with a `problem`. A file
    that this user may not open counts as a region if it has a lock file.

    Raises:
        Error: if the directory cannot be read.
    """
    directory = _files.region_directory()
    try:
        names = sorted(name for name in os.listdir(directory) if _files.is_file_name(name))
    except OSError as error:
        raise _not_listed(error).during(f"cannot list the regions in {directory}") from error
    return [region for name in names for region in _inspected(directory, name)]


def _not_listed(error: OSError) -> Error:
    if isinstance(error, FileNotFoundError):
        return Error("this directory does not exist", "create it, or set SHM_DIR to another one")
    fault, advice = _files.explained(error)
    if isinstance(error, PermissionError):
        advice = "run as a user who may read the directory"
    return Error(fault, advice)


def _inspected(directory: str, name: str) -> list[Region]:
    """Returns the region of this name, or nothing if the file is not a region."""
    try:
        return [Region(name, inspect(name))]
    except (NotARegion, NotFound):
        return []
    except Error as error:
        is_denied = isinstance(error.__cause__, PermissionError)
        if is_denied and not os.path.lexists(os.path.join(directory, f".{name}.lock")):
            return []
        return [Region(name, None, str(error))]
