"""What there is: the regions of a directory, and what a region's header says. Changes and locks nothing."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import _files, _format, _lock
from ._errors import Error
from ._ring import Ring


@dataclass(frozen=True)
class Info:
    """A region, as `inspect` found it. Times are in nanoseconds since 1970, sizes in bytes."""

    name: str
    kind: str
    schema: Any  #: parsed JSON; None without one
    slots: int
    size: int  #: room for a value
    region_bytes: int
    checksums: bool
    state: str  #: "open", "closed", "moving" or "moved"; "open" also if its writer died
    writer: str  #: "alive", "gone", or "unknown" if we may not ask
    first: int  #: the oldest number that this file ever held
    published: int  #: the number of the newest value
    newest_time: int | None
    created: int
    started: int  #: when the last writer started
    pid: int  #: of the last writer, by its own account
    epoch: int  #: how many writers there were
    lineage: str
    file_number: int  #: how often the file was replaced, plus 1


@dataclass(frozen=True)
class Region:
    """A name in the directory of regions, with what is known about it, or why that could not be read."""

    name: str
    info: Info | None
    problem: str = ""


def inspect(name: str | os.PathLike[str]) -> Info:
    """What a region's header says. Errors as for opening a Reader."""
    try:
        place = _files.Place(name)
        region = _files.open_region(place, _format.LARGEST_REGION)
    except Error as error:
        error.during(f"cannot inspect region {os.fspath(name)!r}")
        raise
    header = region.header
    ring = Ring(region.map, header, _files.boot_id())
    try:
        newest_time = ring.time if ring.latest(0) else None
    except Error:
        newest_time = None
    schema = None
    if region.document is not None:
        with suppress(ValueError, RecursionError):
            schema = json.loads(region.document)
    return Info(
        name=place.name,
        kind=_format.KINDS.get(header.kind, f"kind {header.kind}"),
        schema=schema,
        slots=header.slots,
        size=header.capacity,
        region_bytes=header.region_bytes,
        checksums=header.checksums,
        state=_format.STATES.get(ring.state, f"state {ring.state}"),
        writer={True: "alive", False: "gone", None: "unknown"}[_lock.is_held(place)],
        first=ring.first,
        published=ring.words[_format.HEAD_WORD],
        newest_time=newest_time,
        created=header.created_ns,
        started=ring.words[_format.STARTED_WORD],
        pid=ring.halves[_format.PID_HALF],
        epoch=ring.words[_format.EPOCH_WORD],
        lineage=f"{int.from_bytes(header.lineage, 'little'):032x}",
        file_number=header.file_number,
    )


def regions() -> list[Region]:
    """All regions in `$SHM_DIR`, or /dev/shm, by name. Damaged ones are among them."""
    directory = _files.region_directory()
    try:
        names = sorted(name for name in os.listdir(directory) if _files.is_file_name(name))
    except OSError as error:
        raise Error(f"cannot list the regions in {directory}: {error.strerror}") from error
    return [_look_at(name) for name in names if _files.begins_with_magic(os.path.join(directory, name))]


def _look_at(name: str) -> Region:
    try:
        return Region(name, inspect(name))
    except Error as error:
        return Region(name, None, str(error))
