"""The writer's lock: a lock of an open file description on the file `.NAME.lock`. FORMAT.md, section 11."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import time
from contextlib import suppress
from typing import Any

from ._errors import Error, NotOurs, Unsupported, WriterAlive
from ._files import Location, check_owner, marked, open_region
from ._format import LARGEST_REGION, PID_HALF

# struct flock: type, whence, start, length, process id (0 for locks of open file descriptions), padding
_FLOCK = struct.Struct("hhqqi4x")
_PAUSES_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)  # between attempts at a lock that another process holds
_TRIES = 100  # attempts to lock a file that is created and removed again and again


class Lock:
    """The lock of a region's writer.

    `__init__` acquires it. It is held until `free`, or until this process and all its forked children have ended.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self.descriptor = -1
        self._is_new = False
        pauses = iter(_PAUSES_SECONDS)
        for _ in range(_TRIES):
            descriptor = self._open()
            if descriptor < 0:
                continue
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise NotOurs(_irregular(location))
                if status.st_nlink == 0:
                    continue
                check_owner(status, f"its lock file {location.lock_file}")
                if not self._take(descriptor):
                    pause = next(pauses, None)
                    if pause is None:
                        raise WriterAlive(f"it already has a writer{_process(location)}")
                    time.sleep(pause)  # a program that removes or cleans up regions holds the lock for a moment
                    continue
                self.identity = (status.st_dev, status.st_ino)
                if location.identity(location.lock_file) == self.identity:
                    self.descriptor, descriptor = descriptor, -1
                    return
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
        fault = f"its lock file {location.lock_file} was removed during each of {_TRIES} attempts to lock it"
        raise Error(fault, "try again later")

    def _take(self, descriptor: int) -> bool:
        try:
            return _set(descriptor, fcntl.F_WRLCK)
        except OSError as error:
            if self._is_new:
                self._location.unlink(self._location.lock_file)
            if error.errno == errno.EINVAL:
                fault = "the kernel does not support locks of open files (F_OFD_SETLK), which writers need"
                raise Unsupported(fault, "run the writer outside of this sandbox") from error
            if error.errno != errno.EACCES:
                raise
            module = "a security module, such as AppArmor or SELinux,"
            fault = f"{module} does not let this process lock {self._location.lock_file}"
            raise Error(fault, "have its policy allow that, or use another directory") from error

    def clean_up(self, failed: bool = False) -> None:
        """Removes the lock file if the region does not exist.

        After a failure it also removes a lock file that this object has created.
        """
        with suppress(OSError, Error):  # a leftover lock file does no harm
            is_stray = self._location.identity(self._location.file) is None or (failed and self._is_new)
            if is_stray and self._location.identity(self._location.lock_file) == self.identity:
                self._location.unlink(self._location.lock_file)

    def free(self) -> None:
        if self.descriptor >= 0:
            # Closing the descriptor would not release the lock if a forked child has a copy of it.
            _set(self.descriptor, fcntl.F_UNLCK)
            self.forget()

    def forget(self) -> None:
        """Closes the descriptor, but does not unlock: a forked child must not release its parent's lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _open(self) -> int:
        """Opens or creates the lock file.

        Returns its descriptor, or -1 if another process has just created the file.
        """
        location = self._location
        try:
            # The first attempt has no O_CREAT, which the kernel may refuse for existing files in a sticky directory.
            return location.open(location.lock_file, os.O_RDWR)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise NotOurs(_irregular(location)) from error
            if error.errno == errno.EPERM:
                raise marked(location.lock_file) from error
            if isinstance(error, PermissionError):
                fault = f"this user may not write to its lock file {location.lock_file}"
                raise NotOurs(fault, "run as the owner of that file, or choose another name") from error
            raise
        try:
            descriptor = location.create(location.lock_file)
        except FileExistsError:
            return -1
        except PermissionError as error:
            if error.errno == errno.EPERM:
                raise marked(location.path) from error
            fault = f"this user may not create files in {location.path}"
            raise Error(fault, "use a directory in which this user may create files") from error
        self._is_new = True
        return descriptor


def _process(location: Location) -> str:
    """Returns a hint about the process of the region's writer, for an error text."""
    with suppress(Error):
        pid = open_region(location, LARGEST_REGION).map[4 * PID_HALF : 4 * PID_HALF + 4]
        return f" (process {int.from_bytes(pid, 'little')})"
    return ""


def _irregular(location: Location) -> str:
    return f"its lock file {location.lock_file} is a directory, a link or another special file"


def _set(descriptor: int, kind: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        # Linux reports the lock of another process in this way. EACCES comes from a security module.
        if error.errno == errno.EAGAIN:
            return False
        raise
    return True


def writer_status(location: Location) -> str:
    """Returns "alive", "gone", or "unknown" if this user may not check. Locks nothing."""
    for _ in range(2):  # the lock file of a region is created before its file
        try:
            descriptor = location.open(location.lock_file, os.O_RDONLY)
        except FileNotFoundError:
            with suppress(Error):
                if location.status(location.file) is None:
                    return "gone"
        except OSError:
            return "unknown"
        else:
            return _status_of(descriptor)
    return "unknown"  # a copy of a region, or its file alone is mounted here


def _status_of(descriptor: int) -> str:
    """Returns the status of the writer with this lock file, and closes the file."""
    try:
        answer: Any = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return "gone" if _FLOCK.unpack(answer)[0] == fcntl.F_UNLCK else "alive"
    except OSError:
        return "unknown"
    finally:
        os.close(descriptor)
