"""Region names and directories, and the checks when a region's file is opened. FORMAT.md, sections 7, 8 and 11."""

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
from typing import Any

from . import _linux
from ._codec import show
from ._errors import BadName, BadType, Damaged, Error, NotARegion, NotFound, NotOurs, Unsupported
from ._format import FIXED_BYTES, HEADER_BYTES, Header, parse, schema_in

DEFAULT_DIRECTORY = "/dev/shm"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_REGULAR_FILE = (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENODEV)
_TRIES = 100  # attempts to open a file that is replaced again and again
_TRY_SECONDS = 0.0005  # the pause after each of them
_TMPFS = 0x01021994
_OVERLAY = 0x794C7630
_HUGE_PAGES = 0x958458F6
_BTRFS = 0x9123683E
# A larger file must store at least one byte in 16. Otherwise a file of a few KiB could claim values of gigabytes.
_SPARSE = 64 << 20
_SPARSENESS = 16

#: File systems that belong to other machines or to programs, by their numbers in statfs(2) and `linux/magic.h`.
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


def _name_fault(name: str) -> str:
    """Returns which rule for names is broken, or "" if the name is valid."""
    if is_file_name(name):
        return ""
    if not name:
        return "the name is empty"
    if len(name) > 200:
        return f"the name has {len(name)} characters"
    if name[0] in ".-":
        return f"the name begins with {name[0]!r}"
    wrong = next(character for character in name if not is_file_name("_" + character))
    return f"the name contains {wrong!r}"


_SMALLER = "use fewer slots or a smaller capacity"
_DENIED = "the operating system denies permission"
_ALLOWED = "run as the owner of its file and directory, or change their permissions"
_SUPPORTED = "use a directory on a local file system, such as tmpfs, ext4, XFS or Btrfs"
_MOUNTED_ADVICE = "mount the directory, not the file"
#: For a name that refers to a file that was removed or replaced, and to no other.
MOUNTED = (
    "its file was replaced or removed, and this name is tied to it, as when a file is mounted by itself",
    _MOUNTED_ADVICE,
)
#: The advice for a file or directory that is marked immutable or append-only.
UNMARK = "clear that mark, or use another name or directory"
_SYSTEM_ERRORS = {
    errno.EACCES: (_DENIED, _ALLOWED),
    errno.EPERM: (
        "the operating system forbids it, as if the directory were marked immutable or append-only",
        UNMARK,
    ),
    errno.ENOENT: ("its file or directory was removed meanwhile", "try again"),
    errno.ENOSPC: ("its file system has too little free space, or no free inode", f"free some, or {_SMALLER}"),
    errno.EDQUOT: (
        "the quota of this user is used up, or that of its group or directory",
        f"free some space, or {_SMALLER}",
    ),
    errno.ENOMEM: ("there is not enough free memory", f"free some, or {_SMALLER}"),
    errno.EFBIG: ("its file system does not allow files of that size", _SMALLER),
    errno.EMFILE: ("this process has too many open files", "close some, or raise its limit (RLIMIT_NOFILE)"),
    errno.ENFILE: ("the system has too many open files", "close some"),
    errno.EBUSY: ("this name is tied to one file, as when a file is mounted by itself", _MOUNTED_ADVICE),
    errno.EROFS: ("its file system is read-only", "mount it read-write, or use another directory"),
    errno.EOPNOTSUPP: ("its file system does not support fallocate, which regions need", _SUPPORTED),
    errno.EINVAL: ("its file system or the kernel does not support an operation that regions need", _SUPPORTED),
}


def explained(error: OSError) -> tuple[str, str]:
    """Returns what is wrong and what to do about it, for an error of the operating system."""
    found = _SYSTEM_ERRORS.get(error.errno or 0)
    return found or (f"the operating system reports '{error.strerror}'", "correct the cause, and try again")


def _for_directory(error: OSError, advice: str) -> str:
    return "run as a user who may search the directory" if isinstance(error, PermissionError) else advice


@contextmanager
def system_errors() -> Iterator[None]:
    """Turns an error of the operating system into an `Error` that explains it."""
    try:
        yield
    except OSError as error:
        raise Error(*explained(error)) from error


def path_of(name: str | os.PathLike[str]) -> str:
    """Returns the name or path as a str. Raises BadType."""
    try:
        path = os.fspath(name)
    except Exception as error:
        raise BadType(f"the name must be a str or a path, not {show(name)}", _STRING) from error
    if not isinstance(path, str):
        raise BadType(f"the name must be a str or a path of str, not {show(name)}", _STRING)
    return str.__str__(path)


def title(name: Any) -> str:
    """Returns the name for an error text, also if it is not a str."""
    try:
        return path_of(name)
    except BadType:
        return os.fsdecode(name) if isinstance(name, bytes) else show(name)


_STRING = "give the name as a str"


class Location:
    """The place of a region: a name in a directory. The directory stays open until `close`."""

    directory = -1  # a class attribute, so that it exists even if `__init__` refuses the name

    def __init__(self, name: str | os.PathLike[str]) -> None:
        self.name = path_of(name)
        directory, slash, self.file = self.name.rpartition("/")
        if "\0" in directory:
            raise BadName("the path contains a NUL character", "use a path without it")
        try:
            os.fsencode(directory)
        except UnicodeEncodeError as error:
            raise BadName("the path contains a character that no file name can contain", "correct it") from error
        if slash and not self.file:
            raise BadName("the path ends with '/'", "append the region's name to it")
        if fault := _name_fault(self.file):
            raise BadName(fault)
        self.lock_file = f".{self.file}.lock"
        self.new_file = self._usual_new_file = f".{self.file}.new"
        self.path = path = directory + slash if slash else region_directory()
        try:
            # With O_PATH, a reader needs only the permission to search the directory.
            with _linux.high_descriptors():
                self.directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            with suppress(OSError):  # the working directory was removed
                self.path = os.path.abspath(path)  # the process may change its working directory
        except (FileNotFoundError, NotADirectoryError) as error:
            advice = "create it, or correct the path" if slash else "create it, or set SHM_DIR to another one"
            raise NotFound(f"there is no directory {path}", advice) from error
        except OSError as error:
            fault, advice = explained(error)
            raise Error(f"its directory {path} cannot be opened: {fault}", _for_directory(error, advice)) from error

    def follow_directory(self) -> bool:
        """Switches to the directory that the path refers to now. Returns whether it is a different one.

        Raises Error if the directory was removed and the path still leads to it.
        """
        try:
            with _linux.high_descriptors():
                present = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        status = os.fstat(present)
        is_another = not os.path.samestat(status, os.fstat(self.directory))
        if is_another:
            self.directory, present = present, self.directory
        os.close(present)
        if not is_another and status.st_nlink == 0:
            error = Error(
                "its directory was removed, and its path still leads to it, as when it is mounted there",
                "mount the directory that replaced it, or its parent directory",
            )
            error.during(f"cannot follow region {self.name!r}")
            raise error
        return is_another

    def close(self) -> None:
        if self.directory >= 0:
            os.close(self.directory)
            self.directory = -1

    def __del__(self) -> None:
        self.close()

    def status(self, file: str) -> os.stat_result | None:
        """Returns the attributes of the file with the name `file`, or None if it does not exist."""
        try:
            return os.stat(file, dir_fd=self.directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            fault, advice = explained(error)
            raise Error(f"its directory cannot be searched: {fault}", _for_directory(error, advice)) from error

    def identity(self, file: str) -> tuple[int, int] | None:
        """Returns the device and inode of the file with the name `file`, or None if it does not exist.

        A file that was removed, and is only still mounted at that name, does not exist.
        """
        found = self.status(file)
        return None if found is None or found.st_nlink == 0 else (found.st_dev, found.st_ino)

    def open(self, file: str, flags: int) -> int:
        with _linux.high_descriptors():
            return os.open(file, flags | _FLAGS, dir_fd=self.directory)

    def create(self, file: str) -> int:
        """Creates a file with mode 0o600, regardless of the umask. Raises FileExistsError if it exists."""
        with _linux.high_descriptors():
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=self.directory)
        os.fchmod(descriptor, 0o600)
        return descriptor

    def create_new_file(self) -> int:
        """Creates the file of a new region under the temporary name `new_file`. Only the lock's holder may do so.

        In a shared directory, another user may already have created a file with the usual temporary name. The new
        file then gets a name with a random suffix.
        """
        self.new_file = self._usual_new_file
        self.remove_new_file()
        try:
            return self.create(self.new_file)
        except FileExistsError as error:
            status = self.status(self.new_file)
            if status is not None and status.st_uid == os.geteuid() and stat.S_ISREG(status.st_mode):
                raise OSError(errno.EPERM, os.strerror(errno.EPERM)) from error  # it could not be removed
            self.new_file = f"{self._usual_new_file}-{secrets.token_hex(8)}"
            return self.create(self.new_file)

    def remove_new_file(self) -> None:
        """Removes an unfinished file. Does nothing if this user may not remove it."""
        with suppress(OSError):
            os.unlink(self.new_file, dir_fd=self.directory)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new, src_dir_fd=self.directory, dst_dir_fd=self.directory)

    def unlink(self, file: str) -> None:
        """Removes `file` if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(file, dir_fd=self.directory)


@dataclass
class RegionFile:
    """An open region: its checked header, the schema document, and the mapped memory."""

    header: Header
    descriptor: bytes
    document: bytes | None
    map: mmap.mmap
    status: os.stat_result
    present_boot: int  #: the present boot id, or that of the file if the file cannot be older
    may_be_a_copy: bool = False  #: for a writer: whether readers may have mapped another file of the same identity

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino


def open_region(location: Location, limit: int, writable: bool = False) -> RegionFile:
    """Opens and maps the region at `location`, with `writable` for its next writer.

    It makes all checks of FORMAT.md, section 8, except those of the kind. Files longer than `limit` bytes are refused.

    Raises NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported and, with `writable`, NotOurs.
    """
    if not _linux.WORDS_ARE_WHOLE:
        raise Unsupported(
            "regions need CPython on a 64-bit little-endian processor", "use such a Python, or another language"
        )
    with system_errors():
        for _ in range(_TRIES):
            try:
                descriptor = location.open(location.file, os.O_RDWR if writable else os.O_RDONLY)
            except FileNotFoundError as error:
                raise NotFound(
                    f"there is no such region in {location.path}",
                    "start its writer, or check the name with shm.regions()",
                ) from error
            except OSError as error:
                if error.errno in _NO_REGULAR_FILE:
                    raise NotARegion(_IRREGULAR) from error
                if isinstance(error, PermissionError):
                    raise _denied(location, writable, error) from error
                raise
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise NotARegion(_IRREGULAR)
                if status.st_nlink == 0:  # it was replaced or removed just now
                    time.sleep(_TRY_SECONDS)
                    continue
                return _map(descriptor, status, limit, writable)
            finally:
                os.close(descriptor)
    raise Error(*MOUNTED)


_IRREGULAR = "the file of this name is a directory, a link or another special file"


def _denied(location: Location, writable: bool, error: PermissionError) -> Error:
    """Explains that this user may not open the region's file."""
    if error.errno == errno.EPERM:
        return marked(location.file)
    try:
        status = os.stat(location.file, dir_fd=location.directory, follow_symlinks=False)
    except OSError as error:
        return Error(*explained(error))
    verb = "write to" if writable else "read"
    fault = f"this user may not {verb} its file, which belongs to user {status.st_uid} and has mode {_octal(status)}"
    if writable:
        return NotOurs(fault, f"run as user {status.st_uid}, or choose another name")
    return Error(fault, f"run as user {status.st_uid}, or ask that user to give it mode 0o644")


def marked(file: str) -> Error:
    """Returns the error for a file that only root can change."""
    return Error(f"'{file}' is marked immutable or append-only", UNMARK)


def _octal(status: os.stat_result) -> str:
    return f"0o{status.st_mode & 0o777:03o}"


def _map(descriptor: int, status: os.stat_result, limit: int, writable: bool) -> RegionFile:
    header = parse(os.pread(descriptor, FIXED_BYTES, 0), status.st_size, limit)
    check_local(descriptor)
    if status.st_size > max(_SPARSE, _SPARSENESS * 512 * status.st_blocks):
        raise Damaged(f"its file has {status.st_size} bytes, but only {512 * status.st_blocks} of them are stored")
    if writable:
        check_owner(status, "its file")
        _fill_holes(descriptor, status)
    raw = os.pread(descriptor, header.descriptor_bytes, HEADER_BYTES)
    if len(raw) != header.descriptor_bytes or zlib.crc32(raw) != header.descriptor_crc:
        raise Damaged("the CRC of its descriptor is wrong")
    document = schema_in(raw)
    try:
        mapping = _linux.map_file(descriptor, header.region_bytes, writable)
    except ValueError as error:  # mmap has checked the length again
        raise Damaged("its file was shortened while it was being opened") from error
    present_boot = header.boot_id if is_in_memory(descriptor) else boot_id()
    return RegionFile(header, raw, document, mapping, status, present_boot, writable and copies_for_writing(descriptor))


def _fill_holes(descriptor: int, status: os.stat_result) -> None:
    """Allocates pages for the holes in a copy of a region's file. Without fallocate, the holes stay."""
    if 512 * status.st_blocks < status.st_size:
        try:
            _linux.fallocate(descriptor, status.st_size)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise


def is_in_memory(descriptor: int) -> bool:
    """Returns whether the file is on tmpfs or hugetlbfs. Such a file is not older than the kernel.

    The boot ids of containers on one kernel can differ.
    """
    return _linux.file_system(descriptor) in (_TMPFS, _HUGE_PAGES)


def check_local(descriptor: int) -> None:
    """Refuses a file or directory on a file system that belongs to another machine or to a program."""
    if found := REMOTE.get(_linux.file_system(descriptor)):
        raise Unsupported(
            f"it is on {found}: other machines would read stale data, and waiting readers would not be woken",
            _SUPPORTED,
        )


def copies_for_writing(descriptor: int) -> bool:
    """Returns whether opening a file for writing may put a copy in its place that older mappings do not show: overlayfs."""
    return _linux.file_system(descriptor) == _OVERLAY


def huge_page_bytes(descriptor: int) -> int:
    """Returns the size of a page on hugetlbfs, which maps only whole pages and has no `write`; 0 elsewhere."""
    return os.fstatvfs(descriptor).f_bsize if _linux.file_system(descriptor) == _HUGE_PAGES else 0


def store_in_place(descriptor: int) -> None:
    """Makes stores to an empty file use the blocks that it will reserve, on Btrfs, also when the disk is full."""
    if _linux.file_system(descriptor) == _BTRFS:
        with suppress(OSError):
            _linux.add_no_copy_on_write(descriptor)


def check_owner(status: os.stat_result, what: str) -> None:
    """Refuses files that another user may have prepared or can change: a writer must not trust them."""
    if status.st_uid != os.geteuid():
        fault = f"{what} belongs to user {status.st_uid}, and this process runs as user {os.geteuid()}"
        raise NotOurs(fault, f"run as user {status.st_uid}, or choose another name")
    if status.st_nlink != 1:
        raise NotOurs(f"{what} has a second name (hard link), through which others could change it")
    if status.st_mode & 0o022:
        fault = f"{what} has mode {_octal(status)}, so other users may write to it"
        raise NotOurs(fault, "take that permission away, or choose another name")


def is_same_boot(one: int, other: int) -> bool:
    """Returns whether two boot ids are equal, as far as this is known: 0 stands for an id that is not known."""
    return one == other or 0 in (one, other)


def boot_id() -> int:
    """Returns the kernel's boot id as a number, or 0 if it is unknown."""
    try:
        with _linux.high_descriptors(), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return int(file.read().strip().replace("-", ""), 16)
    except (OSError, ValueError):
        return 0
