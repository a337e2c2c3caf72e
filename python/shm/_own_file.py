"""A region's file while this process may write it: creating one, and replacing it by another. FORMAT.md, 12 and 16."""

from __future__ import annotations

import mmap
import os
import resource
from dataclasses import dataclass, replace

from . import _format, _linux
from ._errors import Damaged, TooLarge
from ._files import Location, huge_page_bytes, store_in_place
from ._format import HEADER_BYTES, Header, round_up
from ._ring import WHOLE, OwnRing


@dataclass
class OwnFile:
    """A region's file while this process has the lock."""

    header: Header
    descriptor: bytes
    document: bytes | None
    ring: OwnRing
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino


@dataclass
class Exchange:
    """A file that is being replaced by another one."""

    old: OwnFile
    new: OwnFile
    was_closed: bool

    def change_state(self, state: int) -> None:
        """Changes the old file's state, unless it was closed before the last boot: that is why readers trust it."""
        if not self.was_closed or self.old.header.boot_id == self.new.header.boot_id:
            self.old.ring.change_state(state)


def create_file(
    location: Location,
    header: Header,
    descriptor: bytes,
    document: bytes | None,
    mode: int,
    group: int | None,
) -> OwnFile:
    """A complete file named `new_file` of the location, except for what `OwnRing.begin` sets."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        limit = _format.LARGEST_REGION
    if header.region_bytes > min(limit, _format.LARGEST_REGION):
        raise TooLarge(
            f"it would have {header.region_bytes} bytes, and a file may have {min(limit, _format.LARGEST_REGION)}; use "
            "fewer slots or a smaller capacity, or raise the limit for files of this process"
        )
    page_bytes = huge_page_bytes(location.directory)
    if page_bytes:
        header = replace(header, region_bytes=round_up(header.region_bytes, page_bytes))
    file = location.create_new_file()
    try:
        store_in_place(file)
        _linux.fallocate(file, header.region_bytes)
        if group is not None and os.fstat(file).st_gid != group:
            os.fchown(file, -1, group)
        os.fchmod(file, mode)
        mapping = mmap.mmap(file, header.region_bytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        head = header.pack()
        if page_bytes:  # where `write` is an error
            mapping[: len(head)] = head
            mapping[HEADER_BYTES : HEADER_BYTES + len(descriptor)] = descriptor
        else:
            _write_all(file, head, 0)
            _write_all(file, descriptor, HEADER_BYTES)
        return OwnFile(header, descriptor, document, OwnRing(mapping, header, header.boot_id), os.fstat(file))
    except BaseException:
        location.remove_new_file()
        raise
    finally:
        os.close(file)


def copy_values(old: OwnRing, new: OwnRing, count: int) -> list[int]:
    """Copies at most `count` of the newest values, from `head` back; returns their numbers, the newest one first."""
    copied = []
    for number in range(old.head, max(0, old.first - 1, old.head - count, old.head - old.header.slots), -1):
        if is_trusted(old, number):
            if len(old.payload) > new.header.capacity:
                break
            new.store(number, old.payload, old.time)
            copied.append(number)
    return copied


def is_trusted(ring: OwnRing, number: int) -> bool:
    try:
        return number > 0 and ring.read(number) == WHOLE  # an unused slot looks like that of number 0
    except Damaged:
        return False


def _write_all(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
