"""Named, typed shared memory for Linux: one writer publishes values, and any number of readers receive them.

In one process:

    with shm.Writer("demo", "text") as writer:
        writer.publish("hello")

In other processes:

    with shm.Reader("demo") as reader:
        print(reader.latest())               # the newest value
        for value in reader:                 # each later value, until the writer closes the region
            print(reader.sequence, value)

`Writer` creates a region or continues an existing one. `Reader` reads its values. `inspect` describes one region,
`regions` lists all of them, and every exception of this package is a subclass of `Error`.

Readers map the region read-only and never change anything that another process can see. The file format is version
0.1 of docs/FORMAT.md, so programs in other languages can use the same regions.
"""

from . import _requirements  # noqa: F401  it must be the first
from ._errors import (
    BadName,
    BadOption,
    BadType,
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
    "BadName", "BadOption", "BadType", "BadValue", "Busy", "Damaged", "Empty", "Ended", "Error", "Gone", "Info",
    "NotARegion", "NotFound", "NotOurs", "Reader", "Region", "TimedOut", "TooLarge", "TypeMismatch", "UnknownFormat",
    "Unsupported", "View", "Writer", "WriterAlive", "inspect", "regions",
]  # fmt: skip
