"""Named, typed shared memory on Linux: one writer publishes values, any number of readers take them.

    with shm.Writer("demo", "text") as writer:        # in one process
        writer.publish("hello")

    with shm.Reader("demo") as reader:                # in others
        print(reader.latest())

A reader maps the region read-only, and never changes anything that others see. The format is that of FORMAT.md,
version 0.1, so that all this goes together with programs in other languages.
"""

from ._errors import (
    BadName,
    BadValue,
    Busy,
    Damaged,
    Error,
    Gone,
    NotARegion,
    NotFound,
    NotOurs,
    TooLarge,
    TypeMismatch,
    UnknownFormat,
    Unsupported,
    WriterAlive,
)
from ._inspect import Info, Region, inspect, regions
from ._reader import Reader, View
from ._writer import Writer

__all__ = [
    "BadName", "BadValue", "Busy", "Damaged", "Error", "Gone", "Info", "NotARegion", "NotFound", "NotOurs", "Reader",
    "Region", "TooLarge", "TypeMismatch", "UnknownFormat", "Unsupported", "View", "Writer", "WriterAlive", "inspect",
    "regions",
]  # fmt: skip
