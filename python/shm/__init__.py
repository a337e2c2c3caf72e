"""Named, typed shared memory on Linux: one writer publishes values, any number of readers receive them.

    with shm.Writer("demo", "text") as writer:        # in one process
        writer.publish("hello")

    with shm.Reader("demo") as reader:                # in others
        print(reader.latest())                        # the newest value
        for value in reader:                          # all from there on, until the writer closes
            print(reader.sequence, value)

A reader maps the region read-only, and never changes anything that others see. Regions have format 0.1 of FORMAT.md,
so programs in other languages can share them.
"""

from ._errors import (
    BadName,
    BadValue,
    Busy,
    Damaged,
    Empty,
    Ended,
    Error,
    Gone,
    NotARegion,
    NotFound,
    NotOurs,
    TimedOut,
    TooLarge,
    TypeMismatch,
    UnknownFormat,
    Unsupported,
    WriterAlive,
)
from ._inspect import Info, Region, inspect, regions
from ._reader import Reader
from ._view import View
from ._writer import Writer

__all__ = [
    "BadName", "BadValue", "Busy", "Damaged", "Empty", "Ended", "Error", "Gone", "Info", "NotARegion", "NotFound",
    "NotOurs", "Reader", "Region", "TimedOut", "TooLarge", "TypeMismatch", "UnknownFormat", "Unsupported", "View",
    "Writer", "WriterAlive", "inspect", "regions",
]  # fmt: skip
