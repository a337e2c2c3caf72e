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
from ._files import Place, check_owner

# struct flock: type, whence, start, length, process id (0 for locks of open file descriptions), padding.
_FLOCK = struct.Struct("hhqqi4x")
_TRIES_AT_A_LOCK = 5
_PAUSE_SECONDS = 0.001
_TRIES = 100  # at a lock file that comes and goes


class Lock:
    """Held from `__init__` until `free`, or until this process and all its forked children are dead."""

    def __init__(self, place: Place) -> None:
        self._place = place
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
                    raise NotOurs(f"its lock file {place.lock_file} is not a regular file; remove it")
                if status.st_nlink == 0:
                    continue
                check_owner(status, f"its lock file {place.lock_file}")
                if not _set(descriptor, fcntl.F_WRLCK):
                    refusals += 1
                    if refusals >= _TRIES_AT_A_LOCK:
                        raise WriterAlive("it has a living writer; wait for its end, or choose another name")
                    time.sleep(_PAUSE_SECONDS)  # who removes or cleans up holds the lock for a moment
                    continue
                self.identity = (status.st_dev, status.st_ino)
                if place.identity(place.lock_file) == self.identity:
                    self.descriptor, descriptor = descriptor, -1
                    return
            finally:
                if descriptor >= 0:
                    os.close(descriptor)
        raise Error(f"its lock file {place.lock_file} comes and goes all the time; try again")

    def clean_up(self, failed: bool = False) -> None:
        """Removes the lock file if there is no region, or if nothing but the file was made before something failed."""
        with suppress(OSError, Error):  # it means nothing, and what it is about has happened
            is_stray = self._place.identity(self._place.file) is None or (failed and self._is_new)
            if is_stray and self._place.identity(self._place.lock_file) == self.identity:
                self._place.unlink(self._place.lock_file)

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
        """The lock file's descriptor; -1 if the file has just appeared."""
        place = self._place
        try:
            # Without O_CREAT first: a sticky directory may refuse that for a file that exists.
            return place.open(place.lock_file, os.O_RDWR)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise NotOurs(f"its lock file {place.lock_file} is not a regular file; remove it") from None
            if isinstance(error, PermissionError):
                raise NotOurs(f"its lock file {place.lock_file} is another user's; choose another name") from None
            raise
        with suppress(FileExistsError):
            descriptor = place.create(place.lock_file)
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


def is_held(place: Place) -> bool | None:
    """Whether the region has a living writer; None where that cannot be known. Acquires nothing."""
    try:
        descriptor = place.open(place.lock_file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        answer: Any = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)
    except OSError:
        return None
    finally:
        os.close(descriptor)
