"""The mapped file of a reader, and how the reader switches to a file that replaces it. FORMAT.md, sections 8 and 17."""

from __future__ import annotations

import math
import os
from time import monotonic, sleep
from typing import Any

from . import _files, _linux
from ._errors import Damaged, Error, Gone, NotFound, TooLarge, Unsupported
from ._format import BELL_HALF, CLOSED, HEAD_WORD, MOVED, MOVING, STATE_HALF
from ._request import ValueType
from ._ring import Cursor, Ring
from ._values import Codec, codec_for

_NAME_SECONDS = 0.05  # how often a reader checks that the name still refers to its file
ABSENT_SECONDS = 0.04  # how often a reader checks for a missing region: no writer can wake it


class Follower:
    """The part of a reader that holds the mapped region and the cursor, and switches both to a new file."""

    _region: _files.RegionFile
    _ring: Ring

    def __init__(self, name: str | os.PathLike[str], expected: ValueType, limit: int) -> None:
        self._expected = expected
        self._limit = limit
        self._restart_is_due = False
        try:
            self._location = _files.Location(name)
        except Error as error:
            error.during(f"cannot open region {_files.title(name)!r}")
            raise
        self._cursor = Cursor(1)
        self._in_use = False

    def close(self) -> None:
        """Closes the reader. Views remain valid. Closing it again has no effect."""
        closed: Any = _Closed(self._location.name)
        self._ring = self._region = closed
        self._location.close()

    @property
    def closed(self) -> bool:
        """Whether this reader is closed."""
        return isinstance(self._ring, _Closed)

    def _open_and_wait(self, open_timeout: float | None) -> bool:
        """Opens the region, and returns whether it had to wait for the region to appear."""
        deadline = deadline_after(open_timeout)
        waited = False
        while True:
            try:
                self._enter(*self._open())
                return waited
            except NotFound as absent:
                if monotonic() >= deadline:
                    if not waited:
                        raise
                    raise NotFound(
                        f"no region of this name appeared within {open_timeout:g} seconds",
                        "start its writer, or wait longer with open_timeout",
                    ).during(f"cannot open region {self._location.name!r}") from absent
            waited = True
            self._location.follow_directory()
            sleep(min(ABSENT_SECONDS, max(0.0, deadline - monotonic())))

    def _open(self) -> tuple[_files.RegionFile, Ring, Codec]:
        try:
            region = _files.open_region(self._location, self._limit)
            header = region.header
            if not _linux.ORDERED and not header.checksums:
                raise Unsupported(
                    "on this processor Python can read only regions with checksums",
                    "have its writer write checksums, or use another language",
                )
            codec = codec_for(header.kind, region.document, header.fingerprint)
            self._expected.check(header.kind, region.document)
            ring = Ring(region.map, header, region.present_boot, codec.copies_are_mutable)
            ring.check_first()
        except Error as error:
            advice = "give a larger limit" if isinstance(error, TooLarge) else ""
            error.during(f"cannot open region {self._location.name!r}", advice)
            raise
        return region, ring, codec

    def _enter(self, region: _files.RegionFile, ring: Ring, codec: Codec) -> None:
        self._region = region
        self._ring = ring
        self._decode = codec.decode
        self._in_place = codec.in_place
        self._is_replaced = self._is_absent = False
        self._nameless_since = math.inf
        self._is_stuck = False
        self._was_moved = ring.state == MOVED  # as in a copy of a file
        self._compared_bell = -1
        self._compare_at = monotonic() + _NAME_SECONDS

    def _cursor_at(self, position: str | int) -> Cursor:
        ring = self._ring
        head, oldest = ring.words[HEAD_WORD], ring.oldest()
        if isinstance(position, int):
            cursor = Cursor(position)
            cursor.skip_to(oldest)  # values from the requested number on that are already overwritten count as lost
            return cursor
        if position == "first":
            return Cursor(ring.first)
        if position == "oldest" or head < oldest:
            return Cursor(oldest)
        return Cursor(head if position == "latest" else head + 1)

    def _check_name(self) -> None:
        """Checks the name if that is due, and switches to the file that it now refers to.

        Values that are left in the old file are skipped.
        """
        bell = self._ring.halves[BELL_HALF]
        state = self._ring.halves[STATE_HALF]
        if self._is_replaced or (self._is_due(bell, state) and self._compare(bell)):
            self._switch()

    def _is_due(self, bell: int, state: int) -> bool:
        moves = state in (MOVING, MOVED) and bell != self._compared_bell
        return moves or monotonic() >= self._compare_at

    def _compare(self, bell: int) -> bool:
        """Checks whether the name now refers to another file."""
        # A writer changes the state after the name.
        moved = self._ring.halves[STATE_HALF] == MOVED and not self._was_moved
        try:
            status = self._location.status(self._location.file)
        except Error:
            if moved:  # no value follows in this file
                raise
            self._compared_bell = bell
            self._compare_at = monotonic() + _NAME_SECONDS
            return False
        if status is None and self._location.follow_directory():
            return self._compare(bell)
        found = status and (status.st_dev, status.st_ino)
        if status and found == self._region.identity and (moved or status.st_nlink == 0):
            self._check_stuck(moved)
            found = None
        self._compared_bell = bell
        self._is_absent = found is None
        self._compare_at = 0 if self._is_absent else monotonic() + _NAME_SECONDS
        if status and found == self._region.identity and status.st_size < self._region.header.region_bytes:
            raise Damaged("another program cut its file short")
        self._is_replaced = found not in (None, self._region.identity)
        return self._is_replaced

    def _refuse_second_use(self) -> None:
        """Raises Error while a call of this reader is waiting or receiving. That call uses the same position."""
        if self._in_use:
            raise Error(
                "another thread, or code that a signal handler interrupted, is using this reader",
                "open another reader for each thread, and do not receive in signal handlers",
            )

    def _refuse_absent(self) -> None:
        """Raises Gone if the region was removed."""
        if self._is_absent:
            raise Gone("it was removed", "try again when it exists, or use follow(), which waits for it")

    def _check_stuck(self, moved: bool) -> None:
        """Finds out whether the name still refers to this file for good, although it was replaced or removed."""
        self._nameless_since = min(self._nameless_since, monotonic())
        self._is_stuck = moved or monotonic() - self._nameless_since >= _NAME_SECONDS
        if self._ring.state != CLOSED:
            self._refuse_stuck()

    def _refuse_stuck(self) -> None:
        """Raises Error if the name cannot refer to another file any more."""
        if self._is_stuck:
            raise Error(*_files.MOUNTED).during(f"cannot follow region {self._location.name!r}")

    def _switch(self) -> None:
        """Switches to the file that the name now refers to. Keeps the old file if there is no other."""
        old = self._region
        try:
            region, ring, codec = self._open()
        except NotFound:
            self._is_replaced, self._is_absent, self._compare_at = False, True, 0
            return
        self._is_replaced = False
        if region.identity == old.identity:
            return
        self._enter(region, ring, codec)
        if region.header.lineage == old.header.lineage:
            self._cursor.skip_to(ring.first)
        else:
            self._cursor = Cursor(ring.first)
            self._restart_is_due = True

    def _has_switched(self) -> bool:
        """Switches to the file that has replaced a damaged one. Returns False if the file was not replaced."""
        damaged = self._region
        if self._compare(self._ring.halves[BELL_HALF]):
            self._switch()
        return self._region is not damaged


class _Closed:
    """Replaces the ring and the region of a closed reader, so that no method needs to check whether it is closed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise Error("this reader is closed", "open another one").during(f"cannot use region {self._name!r}")


def deadline_after(timeout: float | None) -> float:
    return math.inf if timeout is None else monotonic() + timeout
