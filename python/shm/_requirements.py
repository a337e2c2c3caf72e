"""Refuses to import the package where it cannot work. Older interpreters must be able to compile this module."""

import sys

if sys.platform != "linux" or sys.implementation.name != "cpython" or sys.version_info < (3, 10):
    raise ImportError(
        "shm needs CPython 3.10 or later on Linux, "
        f"and this is {sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"
    )
