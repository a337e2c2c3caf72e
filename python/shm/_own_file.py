"""The file of a region that this process writes: creating it and replacing it. FORMAT.md, sections 12 and 16."""

from __future__ import annotations

import errno
import os
import resource
from dataclasses import dataclass, replace

from . import _format, _linux
from ._errors import Damaged, Error, TooLarge
from ._files import Location, huge_page_bytes, store_in_place
from ._format import HEADER_BYTES, Header, round_up
from ._ring import WHOLE, OwnRing


@dataclass
class OwnFile:
    """The file of a region whose lock this process holds."""

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
    """The replacement of a region's file by a new one."""

    old: OwnFile
    new: OwnFile
    was_closed: bool

    def change_state(self, state: int) -> None:
        """Changes the state of the old file.

        A file that was closed before the last boot stays closed, because readers trust its values only for that state.
        """
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
    """Creates the new file of a region under the temporary name `location.new_file`.

    The file is complete except for the fields that `OwnRing.begin` sets.

    Args:
        location: The place of the region.
        header: The header to write.
        descriptor: The bytes that follow the header.
        document: The schema document, or None.
        mode: The permission bits of the file, regardless of the umask.
        group: The id of the file's group, or None for this process's group.
    """
    if header.region_bytes > _format.LARGEST_REGION:
        fault = f"it would have {header.region_bytes} bytes, and a region has at most {_format.LARGEST_REGION}"
        raise TooLarge(fault, "use fewer slots, a smaller capacity or smaller values")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and header.region_bytes > limit:
        fault = f"it would have {header.region_bytes} bytes, and files of this process have at most {limit}"
        raise TooLarge(fault, "use fewer slots, a smaller capacity or smaller values, or raise RLIMIT_FSIZE")
    page_bytes = huge_page_bytes(location.directory)
    if page_bytes:
        header = replace(header, region_bytes=round_up(header.region_bytes, page_bytes))
    file = location.create_new_file()
    try:
        store_in_place(file)
        _linux.fallocate(file, header.region_bytes)
        # The group matters only if its members do not have the same permissions as everyone.
        if group is not None and os.fstat(file).st_gid != group and mode >> 3 & 7 != mode & 7:
            _give_to(file, group)
        os.fchmod(file, mode)
        mapping = _linux.map_file(file, header.region_bytes, writable=True)
        head = header.pack()
        if page_bytes:  # these files have no `write`
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


def _give_to(file: int, group: int) -> None:
    try:
        os.fchown(file, -1, group)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):  # EINVAL: the user namespace does not map the group
            raise
        fault = f"its file belongs to group {group}, and this user cannot give a file to that group"
        raise Error(fault, "run as a member of the group, or set the mode to 0o600") from error


def copy_values(old: OwnRing, new: OwnRing, count: int) -> list[int]:
    """Copies at most `count` values from one ring to another, beginning with the newest.

    It leaves out values that are not trusted, and stops at the first other value that does not fit the new ring.
    Returns the numbers of the copied values, the newest first.
    """
    copied = []
    for number in range(old.head, max(0, old.first - 1, old.head - count, old.head - old.header.slots), -1):
        if is_trusted(old, number):
            if len(old.payload) > new.header.capacity:
                break
            new.store(number, old.payload, old.time)
            copied.append(number)
    return copied


def is_trusted(ring: OwnRing, number: int) -> bool:
    """Returns whether the ring contains value `number` complete and undamaged."""
    try:
        return number > 0 and ring.read(number) == WHOLE  # an unused slot looks like the slot of value 0
    except Damaged:
        return False


def _write_all(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
