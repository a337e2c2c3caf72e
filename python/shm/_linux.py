"""What Python's library lacks: some system calls, a buffer's address, a fence."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys
import threading
import time
from typing import Any

_MACHINE = platform.machine()
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "loongarch64": 98, "ppc64le": 221}.get(_MACHINE)
_FALLOCATE_X86_64 = 285
_RENAMEAT2_X86_64 = 316
_RENAME_NOREPLACE = 1
_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS
_SET_FLAGS = 0x40086602  # FS_IOC_SETFLAGS
_NO_COPY_ON_WRITE = 0x00800000  # FS_NOCOW_FL
_FUTEX_WAIT = 0
_FUTEX_WAKE = 1

#: Whether a field is loaded and stored in one access of its own size: CPython moves an item of a
#: `memoryview.cast("Q")` with a `memcpy` of constant length 8, which compilers turn into one instruction.
#: Needs 64 bits, and the byte order of the format. `struct.unpack("<Q", ...)` puts it together from bytes.
WORDS_ARE_WHOLE = sys.implementation.name == "cpython" and struct.calcsize("P") == 8 and sys.byteorder == "little"

#: Whether loads stay in their order, and stores in theirs, without a fence that Python does not have.
ORDERED = WORDS_ARE_WHOLE and _MACHINE == "x86_64"

_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: Any) -> int:
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    return int(result)


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64)]


def futex_wait(address: int, seen: int, seconds: float) -> None:
    """Sleeps while the 4 bytes at `address` are `seen`, for at most `seconds`. May return early."""
    nanoseconds = max(0, int(seconds * 1e9))
    if _FUTEX is not None:
        limit = _Timespec(nanoseconds // 1_000_000_000, nanoseconds % 1_000_000_000)
        result = _syscall(
            _FUTEX, ctypes.c_void_p(address), _FUTEX_WAIT, ctypes.c_uint32(seen), ctypes.byref(limit), None, 0
        )
        if result == 0 or ctypes.get_errno() in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            return
    # No futex here (an unknown processor, a sandbox), so poll instead.
    time.sleep(min(seconds, 0.001))


def futex_wake(address: int) -> None:
    """Wakes all threads that sleep on `address`, in any process."""
    if _FUTEX is not None:
        _syscall(_FUTEX, ctypes.c_void_p(address), _FUTEX_WAKE, 0x7FFFFFFF, None, None, 0)


def fallocate(descriptor: int, length: int) -> None:
    """Reserves all pages of the first `length` bytes, and sets the length.

    Not `os.posix_fallocate`: where the file system refuses, glibc's stores a byte into each block instead. That is
    slow, and on file systems that copy on write it reserves nothing for the stores that follow.
    """
    while _syscall(_FALLOCATE_X86_64, descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(length)) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def rename_new(directory: int, old: str, new: str) -> None:
    """Renames within `directory`. Raises FileExistsError if there is a file `new`."""
    arguments = (directory, old.encode(), directory, new.encode(), _RENAME_NOREPLACE)
    if _syscall(_RENAMEAT2_X86_64, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def file_system(descriptor: int) -> int:
    """The number by which the kernel calls the file system of a file, as in statfs(2); 0 where it does not say.

    It is the first field of `struct statfs`, a `long`; the rest has other lengths on other processors.
    """
    status = (ctypes.c_long * 64)()
    return status[0] & 0xFFFFFFFF if _libc.fstatfs(descriptor, ctypes.byref(status)) == 0 else 0


def add_no_copy_on_write(descriptor: int) -> None:
    """Adds the attribute `FS_NOCOW_FL` to an empty file."""
    flags = int.from_bytes(fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))[:4], sys.byteorder)
    fcntl.ioctl(descriptor, _SET_FLAGS, (flags | _NO_COPY_ON_WRITE).to_bytes(8, sys.byteorder))


class _PyBuffer(ctypes.Structure):
    """`Py_buffer`, of CPython's stable binary interface."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.c_void_p),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


def address_of(buffer: Any) -> int:
    """Where the memory of `buffer` starts; valid for as long as `buffer` lives.

    ctypes itself gives addresses only of memory that may be written.
    """
    view = _PyBuffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(buffer), ctypes.byref(view), 0)
    address = view.buf or 0
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))
    return address


def store_fence() -> None:
    """Other processes see all stores before the fence before any store after it.

    x86-64 keeps stores in order by itself, except the streaming ones with which `memcpy` copies megabytes. Taking a
    free lock is an instruction with the `lock` prefix, which orders everything. A new lock is always free, and a
    signal in between leaves nothing locked.
    """
    threading.Lock().acquire()
