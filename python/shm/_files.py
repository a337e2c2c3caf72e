"""Names, directories, and opening a region's file with all checks. FORMAT.md, sections 7, 8 and 11. Creates nothing."""

from __future__ import annotations

import errno
import mmap
import os
import re
import secrets
import stat
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
_TRIES = 100  # at files that come and go
_SPARSE = 64 << 20  # a file that is larger stores more than one in
_SPARSENESS = 16  # of its bytes; in a few KiB it could claim a value of gigabytes

#: File systems whose files belong to another machine or to a program, by their numbers in statfs(2) and `linux/magic.h`.
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


@contextmanager
def system_errors() -> Iterator[None]:
    """Turns what the system says into an Error."""
    try:
        yield
    except OSError as error:
        raise Error(f"the system says: {error.strerror}") from error


class Place:
    """A name in a directory that is kept open."""

    def __init__(self, name: str | os.PathLike[str]) -> None:
        self.directory = -1
        self.name = os.fspath(name)
        directory, slash, self.file = self.name.rpartition("/")
        if not is_file_name(self.file) or "\0" in directory:
            raise BadName(
                f"{self.name!r} is no name for a region: it needs 1 to 200 of the characters A-Z a-z 0-9 . _ - "
                "and must not start with . or -"
            )
        self.lock_file = f".{self.file}.lock"
        self.new_file = self._usual_new_file = f".{self.file}.new"
        path = directory + slash if slash else region_directory()
        try:
            # O_PATH: search permission is all that a reader needs.
            self.directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"cannot open region {self.name!r}: there is no directory {path}") from None
        except OSError as error:
            raise Error(f"cannot open region {self.name!r}: {path}: {error.strerror}") from error

    def close(self) -> None:
        if self.directory >= 0:
            os.close(self.directory)
            self.directory = -1

    def __del__(self) -> None:
        self.close()

    def identity(self, file: str) -> tuple[int, int] | None:
        """Device and inode that `file` leads to; None if there is no such file."""
        try:
            found = os.stat(file, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Error(f"its directory cannot be searched: {error.strerror}") from error
        return found.st_dev, found.st_ino

    def open(self, file: str, flags: int) -> int:
        return os.open(file, flags | _FLAGS, dir_fd=self.directory)

    def create(self, file: str) -> int:
        """Makes a file that does not exist, with mode 600 whatever the umask. Raises FileExistsError."""
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=self.directory)
        os.fchmod(descriptor, 0o600)
        return descriptor

    def create_new_file(self) -> int:
        """Makes a region's file, for now named `new_file`; only for the holder of the lock.

        In a directory for all, somebody else may have taken the usual name. Then it is one that cannot be foreseen.
        """
        self.new_file = self._usual_new_file
        self.remove_new_file()
        try:
            return self.create(self.new_file)
        except FileExistsError:
            self.new_file = f"{self._usual_new_file}-{secrets.token_hex(8)}"
            return self.create(self.new_file)

    def remove_new_file(self) -> None:
        """Removes an unfinished file, unless it is somebody else's, who then has taken that name."""
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

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino


def open_region(place: Place, limit: int, writable: bool = False) -> RegionFile:
    """Opens and maps the region at `place`; for its next writer if `writable`. Section 8, all but the kind.

    Errors: NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported; for a writer NotOurs.
    """
    if not _linux.WORDS_ARE_WHOLE:
        raise Unsupported("shared memory is read by CPython on 64-bit little-endian processors only")
    with system_errors():
        for _ in range(_TRIES):
            try:
                descriptor = place.open(place.file, os.O_RDWR if writable else os.O_RDONLY)
            except FileNotFoundError:
                raise NotFound(f"there is no region {place.name!r}; start its writer, or see shm.regions()") from None
            except OSError as error:
                if error.errno in _NO_REGULAR_FILE:
                    raise NotARegion("it is not a regular file; choose another name") from None
                if writable and isinstance(error, PermissionError):
                    raise NotOurs("its file may not be written by this user; choose another name") from None
                raise
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise NotARegion("it is not a regular file; choose another name")
                if status.st_nlink == 0:
                    continue  # replaced or removed just now
                return _map(descriptor, status, limit, writable)
            finally:
                os.close(descriptor)
    raise Error("its file is replaced all the time; try again")


def _map(descriptor: int, status: os.stat_result, limit: int, writable: bool) -> RegionFile:
    header = parse(os.pread(descriptor, FIXED_BYTES, 0), status.st_size, limit)
    check_local(descriptor)
    if status.st_size > max(_SPARSE, _SPARSENESS * 512 * status.st_blocks):
        raise Damaged(f"of its {status.st_size} bytes only {512 * status.st_blocks} are stored; remove it")
    if writable:
        check_owner(status, "its file")
    raw = os.pread(descriptor, header.descriptor_bytes, HEADER_BYTES)
    if len(raw) != header.descriptor_bytes or zlib.crc32(raw) != header.descriptor_crc:
        raise Damaged("the CRC of its descriptor is wrong; remove it")
    document = schema_in(raw)
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    try:
        mapping = mmap.mmap(descriptor, header.region_bytes, flags=mmap.MAP_SHARED, prot=access)
    except ValueError:  # mmap has looked at the length once more
        raise Damaged("its file was just cut; remove it") from None
    return RegionFile(header, raw, document, mapping, status)


def check_local(descriptor: int) -> None:
    """Refuses a region's file, or its directory, on a file system that is not this machine's own."""
    if found := REMOTE.get(_linux.file_system(descriptor)):
        raise Unsupported(
            f"it is on {found}: others may see other bytes there, and be woken by nobody; use a file system of this "
            "machine, such as tmpfs, ext4 or XFS"
        )


def check_owner(status: os.stat_result, what: str) -> None:
    """A writer believes only files that nobody else could have prepared or can change."""
    if status.st_uid != os.geteuid():
        raise NotOurs(f"{what} belongs to user {status.st_uid}; run as that user, or choose another name")
    if status.st_nlink != 1:
        raise NotOurs(f"{what} has a second name; remove that")
    if status.st_mode & 0o022:
        raise NotOurs(f"{what} may be written by others; chmod go-w")


def begins_with_magic(path: str) -> bool:
    """Whether `path` is a regular file with the magic. False also where it may not be read."""
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


def boot_id() -> int:
    """The kernel's boot id as a number; 0 where it is not known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return int(file.read().strip().replace("-", ""), 16)
    except (OSError, ValueError):
        return 0
