"""The writer's lock: an open file description lock on `.NAME.lock`. FORMAT.md, section 11."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import time
from contextlib import suppress
from typing import Any

from ._errors import Error, NotOurs, WriterAlive
from ._files import Location, check_owner

# struct flock: type, whence, start, length, process id (0 for locks of open file descriptions), padding.
_FLOCK = struct.Struct("hhqqi4x")
_TRIES_AT_A_LOCK = 5
_PAUSE_SECONDS = 0.001
_TRIES = 100  # at a lock file that appears and vanishes


class Lock:
    """Taken by `__init__` and kept until `free`, or until this process and all its forked children are dead."""

    def __init__(self, location: Location) -> None:
        self._location = location
        self.descriptor = -1
        self._is_new = False
        refusals = 0
        for _ in range(_TRIES):
            descriptor = self._open()
            if descriptor < 0:
                continue
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise NotOurs(f"its lock file {location.lock_file} is not a regular file; use another name")
                if status.st_nlink == 0:
                    continue
                check_owner(status, f"its lock file {location.lock_file}")
                if not _set(descriptor, fcntl.F_WRLCK):
                    refusals += 1
                    if refusals >= _TRIES_AT_A_LOCK:
                        raise WriterAlive("it has a living writer; wait until that one ends, or use another name")
                    time.sleep(_PAUSE_SECONDS)  # a program that removes regions or cleans up has the lock for a moment
                    continue
                self.identity = (status.st_dev, status.st_ino)
                if location.identity(location.lock_file) == self.identity:
                    self.descriptor, descriptor = descriptor, -1
                    return
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
        raise Error(f"its lock file {location.lock_file} appears and vanishes again and again; try again later")

    def clean_up(self, failed: bool = False) -> None:
        """Removes the lock file if there is no region, or if it is all that was created before something failed."""
        with suppress(OSError, Error):  # a leftover lock file does no harm
            is_stray = self._location.identity(self._location.file) is None or (failed and self._is_new)
            if is_stray and self._location.identity(self._location.lock_file) == self.identity:
                self._location.unlink(self._location.lock_file)

    def free(self) -> None:
        if self.descriptor >= 0:
            # A forked child may have a copy of the descriptor, so to close it would not be enough.
            _set(self.descriptor, fcntl.F_UNLCK)
            self.forget()

    def forget(self) -> None:
        """Closes the descriptor only: what a forked child does with its parent's lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _open(self) -> int:
        """Opens or creates the lock file, and returns its descriptor; -1 if the file has just appeared."""
        location = self._location
        try:
            # Without O_CREAT first: a sticky directory may refuse that for a file that exists.
            return location.open(location.lock_file, os.O_RDWR)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise NotOurs(f"its lock file {location.lock_file} is not a regular file; use another name") from error
            if isinstance(error, PermissionError):
                raise NotOurs(f"its lock file {location.lock_file} is another user's; use another name") from error
            raise
        with suppress(FileExistsError):
            descriptor = location.create(location.lock_file)
            self._is_new = True
            return descriptor
        return -1


def _set(descriptor: int, kind: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def writer_status(location: Location) -> str:
    """"alive", "gone", or "unknown" where that cannot be found out. Locks nothing."""
    try:
        descriptor = location.open(location.lock_file, os.O_RDONLY)
    except FileNotFoundError:
        # A region without a lock file is a copy, or its file alone is mounted here: nobody can be asked.
        return "gone" if location.status(location.file) is None else "unknown"
    except OSError:
        return "unknown"
    try:
        answer: Any = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return "gone" if _FLOCK.unpack(answer)[0] == fcntl.F_UNLCK else "alive"
    except OSError:
        return "unknown"
    finally:
        os.close(descriptor)
