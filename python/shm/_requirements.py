"""Refuses to import the package where it cannot work. Older interpreters must be able to compile this module."""

import sys

if sys.platform != "linux" or sys.implementation.name != "cpython" or sys.version_info < (3, 10):
    raise ImportError(
        "shm needs CPython 3.10 or later on Linux, "
        f"and this is {sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"
    )

# Python is built without a module if the development files of a library are missing: libffi for ctypes, zlib for zlib.
for _module in ("ctypes", "fcntl", "mmap", "resource", "zlib"):
    try:
        __import__(_module)
    except ImportError as error:
        raise ImportError(
            f"shm needs the module '{_module}', which this Python was built without; "
            f"install the library that it uses (libffi, zlib) with its header files, and build Python again"
        ) from error
