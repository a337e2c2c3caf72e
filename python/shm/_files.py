"""Names, directories, and opening a region's file with all checks. FORMAT.md, sections 7, 8 and 11."""

from __future__ import annotations

import errno
import mmap
import os
import re
import secrets
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from . import _linux
from ._errors import BadName, Damaged, Error, NotARegion, NotFound, NotOurs, Unsupported
from ._format import FIXED_BYTES, HEADER_BYTES, MAGIC, Header, parse, schema_in

DEFAULT_DIRECTORY = "/dev/shm"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_REGULAR_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV)
_TRIES = 100  # at files that appear and vanish
_TRY_SECONDS = 0.0005  # between two of them
_OVERLAY = 0x794C7630
_HUGE_PAGES = 0x958458F6
_BTRFS = 0x9123683E
#: For a name that leads to a file that was removed or replaced, and to no other.
MOUNTED = (
    "this name is tied to one file, so it cannot lead to the file that replaces that one; if the file is mounted here, "
    "mount the directory, not the file"
)
_SPARSE = 64 << 20  # a larger file must store at least one byte in
_SPARSENESS = 16  # of its length: a file of a few KiB could otherwise claim values of gigabytes

#: File systems of other machines and of programs, by their numbers in statfs(2) and `linux/magic.h`.
REMOTE = {
    0x6969: "NFS",
    0x01021997: "9p",
    0x65735546: "FUSE",
    0xFF534D42: "CIFS",
    0xFE534D42: "SMB",
    0x517B: "SMB",
    0x00C36400: "Ceph",
    0x6B414653: "AFS",
    0x5346414F: "AFS",
    0x73757245: "Coda",
    0x0BD00BD0: "Lustre",
    0x47504653: "GPFS",
    0x19830326: "BeeGFS",
    0x20030528: "OrangeFS",
    0x01161970: "GFS2",
    0x7461636F: "OCFS2",
    0x786F4256: "a folder of VirtualBox",
    0xBACBACBC: "a folder of VMware",
}


def region_directory() -> str:
    return os.environ.get("SHM_DIR") or DEFAULT_DIRECTORY


def is_file_name(name: str) -> bool:
    return _FILE_NAME.fullmatch(name) is not None


_SYSTEM_ERRORS = {
    errno.EACCES: "permission is denied; run as its owner, or ask the owner for a mode that lets you",
    errno.EPERM: "permission is denied; run as its owner, or ask the owner for a mode that lets you",
    errno.ENOSPC: "there is not enough free space; free some, or ask for fewer slots or a smaller capacity",
    errno.EDQUOT: "the quota of this user is used up, or that of its group or directory; free some space, or ask for "
    "fewer slots or a smaller capacity",
    errno.ENOMEM: "there is not enough memory; free some, or ask for fewer slots or a smaller capacity",
    errno.EMFILE: "this process has too many open files; close some, or raise its limit",
    errno.ENFILE: "the system has too many open files; close some",
    errno.EBUSY: "its file alone is mounted there, so it cannot be replaced or removed; mount the directory, not the file",
    errno.EROFS: "its file system is read-only; use a directory on another one",
    errno.EOPNOTSUPP: "its file system cannot reserve space; use a directory on tmpfs, ext4, XFS or Btrfs",
}


def explained(error: OSError) -> str:
    """What is wrong and what to do, for an error of the operating system."""
    known = _SYSTEM_ERRORS.get(error.errno or 0)
    return known or f"the operating system reports '{error.strerror}'; correct that, then try again"


@contextmanager
def system_errors() -> Iterator[None]:
    """Turns an error of the operating system into an Error that explains it."""
    try:
        yield
    except OSError as error:
        raise Error(explained(error)) from error


class Location:
    """Where a region is: a name in a directory that stays open."""

    def __init__(self, name: str | os.PathLike[str]) -> None:
        self.directory = -1
        self.name = os.fspath(name)
        directory, slash, self.file = self.name.rpartition("/")
        if not is_file_name(self.file) or "\0" in directory:
            raise BadName(
                "a region's name has 1 to 200 of the characters A-Z a-z 0-9 . _ - and does not start with . or -; "
                "use such a name"
            )
        self.lock_file = f".{self.file}.lock"
        self.new_file = self._usual_new_file = f".{self.file}.new"
        path = directory + slash if slash else region_directory()
        try:
            # O_PATH: search permission is all that a reader needs.
            self.directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"there is no directory {path}; create it, or use another one") from error
        except OSError as error:
            raise Error(f"in directory {path}, {explained(error)}") from error

    def close(self) -> None:
        if self.directory >= 0:
            os.close(self.directory)
            self.directory = -1

    def __del__(self) -> None:
        self.close()

    def status(self, file: str) -> os.stat_result | None:
        """What `file` leads to; None if there is no such file."""
        try:
            return os.stat(file, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Error(f"in its directory, {explained(error)}") from error

    def identity(self, file: str) -> tuple[int, int] | None:
        """Device and inode that `file` leads to; None if there is no such file, or it leads to it only by a mount."""
        found = self.status(file)
        return None if found is None or found.st_nlink == 0 else (found.st_dev, found.st_ino)

    def open(self, file: str, flags: int) -> int:
        return os.open(file, flags | _FLAGS, dir_fd=self.directory)

    def create(self, file: str) -> int:
        """Creates a file that does not exist, with mode 600 whatever the umask. Raises FileExistsError."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=self.directory)
        os.fchmod(descriptor, 0o600)
        return descriptor

    def create_new_file(self) -> int:
        """Creates a region's file, for now named `new_file`. Only the holder of the lock may do so.

        In a shared directory, another user may have taken the usual name. The file then gets a random one.
        """
        self.new_file = self._usual_new_file
        self.remove_new_file()
        try:
            return self.create(self.new_file)
        except FileExistsError:
            self.new_file = f"{self._usual_new_file}-{secrets.token_hex(8)}"
            return self.create(self.new_file)

    def remove_new_file(self) -> None:
        """Removes an unfinished file, unless it belongs to another user, who has taken that name."""
        with suppress(OSError):
            os.unlink(self.new_file, dir_fd=self.directory)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self.directory, dst_dir_fd=self.directory)

    def unlink(self, file: str) -> None:
        """Removes `file`, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(file, dir_fd=self.directory)


@dataclass
class RegionFile:
    """An open region: a checked header, its schema's document, its memory."""

    header: Header
    descriptor: bytes
    document: bytes | None
    map: mmap.mmap
    status: os.stat_result
    may_be_a_copy: bool = False  #: for a writer: whether readers may have mapped another file of the same identity

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino


def open_region(location: Location, limit: int, writable: bool = False) -> RegionFile:
    """Opens and maps the region at `location`; for its next writer if `writable`. Section 8, except the kind.

    Errors: NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported; for a writer NotOurs.
    """
    if not _linux.WORDS_ARE_WHOLE:
        raise Unsupported("only CPython on a 64-bit little-endian processor can read shared memory; use that")
    with system_errors():
        for _ in range(_TRIES):
            try:
                descriptor = location.open(location.file, os.O_RDWR if writable else os.O_RDONLY)
            except FileNotFoundError as error:
                raise NotFound("there is no such region; start its writer, or see shm.regions() for names") from error
            except OSError as error:
                if error.errno in _NO_REGULAR_FILE:
                    raise NotARegion("it is not a regular file; use another name") from error
                if writable and isinstance(error, PermissionError):
                    raise NotOurs("this user may not write its file; run as its owner, or use another name") from error
                raise
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise NotARegion("it is not a regular file; use another name")
                if status.st_nlink == 0:  # replaced or removed just now
                    time.sleep(_TRY_SECONDS)
                    continue
                return _map(descriptor, status, limit, writable)
            finally:
                os.close(descriptor)
    raise Error(MOUNTED)


def _map(descriptor: int, status: os.stat_result, limit: int, writable: bool) -> RegionFile:
    header = parse(os.pread(descriptor, FIXED_BYTES, 0), status.st_size, limit)
    check_local(descriptor)
    if status.st_size > max(_SPARSE, _SPARSENESS * 512 * status.st_blocks):
        raise Damaged(f"of its {status.st_size} bytes only {512 * status.st_blocks} are stored")
    if writable:
        check_owner(status, "its file")
    raw = os.pread(descriptor, header.descriptor_bytes, HEADER_BYTES)
    if len(raw) != header.descriptor_bytes or zlib.crc32(raw) != header.descriptor_crc:
        raise Damaged("the CRC of its descriptor is wrong")
    document = schema_in(raw)
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    try:
        mapping = mmap.mmap(descriptor, header.region_bytes, flags=mmap.MAP_SHARED, prot=access)
    except ValueError as error:  # mmap has looked at the length once more
        raise Damaged("its file was just cut short") from error
    return RegionFile(header, raw, document, mapping, status, writable and copies_for_writing(descriptor))


def check_local(descriptor: int) -> None:
    """Refuses a file or directory on a file system that belongs to another machine or to a program."""
    if found := REMOTE.get(_linux.file_system(descriptor)):
        raise Unsupported(
            f"it is on {found}: other machines would read stale data, and waiting readers would not be woken; use a "
            "directory on a file system of this machine, such as tmpfs, ext4, XFS or Btrfs"
        )


def copies_for_writing(descriptor: int) -> bool:
    """Whether opening a file for writing may put a copy in its place, which older mappings do not show: overlayfs."""
    return _linux.file_system(descriptor) == _OVERLAY


def huge_page_bytes(descriptor: int) -> int:
    """The size of a page on hugetlbfs, which only maps whole pages and has no `write`; 0 elsewhere."""
    return os.fstatvfs(descriptor).f_bsize if _linux.file_system(descriptor) == _HUGE_PAGES else 0


def store_in_place(descriptor: int) -> None:
    """Makes stores to an empty file go to the blocks that it reserves, on Btrfs, also when the disk is full."""
    if _linux.file_system(descriptor) == _BTRFS:
        with suppress(OSError):
            _linux.add_no_copy_on_write(descriptor)


def check_owner(status: os.stat_result, what: str) -> None:
    """A writer trusts only files that no other user could have prepared or can change."""
    if status.st_uid != os.geteuid():
        raise NotOurs(f"{what} belongs to user {status.st_uid}; run as that user, or use another name")
    if status.st_nlink != 1:
        raise NotOurs(f"{what} has a second name, by which others could change it; use another name")
    if status.st_mode & 0o022:
        raise NotOurs(f"{what} may be written by others; take that permission from them, or use another name")


def begins_with_magic(path: str) -> bool:
    """Whether `path` is a regular file that begins as a region does. False also if it may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except OSError:
        return False
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.pread(descriptor, 8, 0) == MAGIC
    except OSError:
        return False
    finally:
        os.close(descriptor)


def is_same_boot(one: int, other: int) -> bool:
    """Whether two boot ids are equal, as far as this is known: 0 stands for an id that is not."""
    return one == other or 0 in (one, other)


def boot_id() -> int:
    """The kernel's boot id as a number; 0 where it is not known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return int(file.read().strip().replace("-", ""), 16)
    except (OSError, ValueError):
        return 0
