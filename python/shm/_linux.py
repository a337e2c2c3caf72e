"""Functions that the standard library lacks: some system calls, the address of a buffer, a memory fence."""

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

#: Whether an item of `memoryview.cast("Q")` or `cast("I")` is loaded and stored in a single access. CPython copies such
#: an item with a `memcpy` of constant length, which compilers turn into one instruction. This needs a 64-bit processor
#: with the byte order of the format. `struct.unpack("<Q", ...)` would not do: it loads the bytes one after another.
WORDS_ARE_WHOLE = sys.implementation.name == "cpython" and struct.calcsize("P") == 8 and sys.byteorder == "little"

#: Whether the processor keeps loads in order and stores in order without a fence, which Python does not have.
ORDERED = WORDS_ARE_WHOLE and _MACHINE == "x86_64"

_libc = ctypes.CDLL(None, use_errno=True)
# Not `threading.Lock`: gevent and eventlet replace it with a lock for coroutines, which needs no such instruction.
_Lock = _thread.RLock


def _syscall(number: int, *arguments: Any) -> int:
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    return int(result)


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64)]


def futex_wait(address: int, seen: int, seconds: float) -> None:
    """Sleeps for at most `seconds` while the 4 bytes at `address` equal `seen`. May return early."""
    nanoseconds = max(0, int(seconds * 1e9))
    if _FUTEX is not None:
        limit = _Timespec(nanoseconds // 1_000_000_000, nanoseconds % 1_000_000_000)
        result = _syscall(
            _FUTEX, ctypes.c_void_p(address), _FUTEX_WAIT, ctypes.c_uint32(seen), ctypes.byref(limit), None, 0
        )
        if result == 0 or ctypes.get_errno() in (errno.EAGAIN, errno.ETIMEDOUT, errno.EINTR):
            return
    # The system has no futex (unknown processor, sandbox): the caller polls, once per millisecond.
    time.sleep(min(seconds, 0.001))


def futex_wake(address: int) -> None:
    """Wakes all threads, in any process, that sleep on `address`."""
    if _FUTEX is not None:
        _syscall(_FUTEX, ctypes.c_void_p(address), _FUTEX_WAKE, 0x7FFFFFFF, None, None, 0)


def fallocate(descriptor: int, length: int) -> None:
    """Reserves space for the first `length` bytes of a file, and extends the file to that length.

    This is not `os.posix_fallocate`. If the file system does not support the call, glibc's version writes a byte into
    each block instead. That is slow, and on copy-on-write file systems it reserves no space for later stores.
    """
    while _syscall(_FALLOCATE_X86_64, descriptor, 0, ctypes.c_int64(0), ctypes.c_int64(length)) != 0:
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def rename_new(directory: int, old: str, new: str) -> None:
    """Renames a file within `directory`. Raises FileExistsError if the file `new` exists."""
    arguments = (directory, old.encode(), directory, new.encode(), _RENAME_NOREPLACE)
    if _syscall(_RENAMEAT2_X86_64, *arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def file_system(descriptor: int) -> int:
    """Returns the kernel's number for the type of a file's file system (see statfs(2)), or 0 if the call fails.

    The number is the first field of `struct statfs`, a `long`. The layout of the other fields depends on the processor.
    """
    status = (ctypes.c_long * 64)()
    return status[0] & 0xFFFFFFFF if _libc.fstatfs(descriptor, ctypes.byref(status)) == 0 else 0


def add_no_copy_on_write(descriptor: int) -> None:
    """Adds the attribute `FS_NOCOW_FL` to an empty file."""
    flags = int.from_bytes(fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))[:4], sys.byteorder)
    fcntl.ioctl(descriptor, _SET_FLAGS, (flags | _NO_COPY_ON_WRITE).to_bytes(8, sys.byteorder))


@contextmanager
def high_descriptors() -> Iterator[None]:
    """While it is active, new descriptors have numbers from 3 on.

    If a program was started without standard input, output or error, a new descriptor would get that number. The
    program, or code that prints, would then use or close it.
    """
    fillers: list[int] = []
    try:
        while len(fillers) < 3 and not all(map(_is_open, range(3))):
            # A descriptor that can neither be read nor be written
            fillers.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
        yield
    finally:
        for filler in fillers:
            os.close(filler)


def _is_open(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def map_file(descriptor: int, length: int, writable: bool) -> mmap.mmap:
    """Maps the whole file. Since Python 3.13, the mapping keeps no descriptor of its own."""
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, length, flags=mmap.MAP_SHARED, prot=access, trackfd=False)
    with high_descriptors():  # it duplicates the descriptor
        return mmap.mmap(descriptor, length, flags=mmap.MAP_SHARED, prot=access)


class _PyBuffer(ctypes.Structure):
    """`Py_buffer` from CPython's stable ABI."""

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
    """Returns the address of the buffer's memory. It is valid as long as `buffer` exists.

    The functions of ctypes return addresses only for writable memory.
    """
    view = _PyBuffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(buffer), ctypes.byref(view), 0)
    address = view.buf or 0
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(view))
    return address


def store_fence() -> None:
    """Makes all earlier stores visible to other processes before any later store.

    x86-64 keeps ordinary stores in order, but not the streaming stores that `memcpy` uses to copy megabytes. Acquiring
    a free lock executes an instruction with the `lock` prefix, which orders all of them. The lock is new, so it is
    always free, and a signal at any moment leaves nothing locked.
    """
    _Lock().acquire()
