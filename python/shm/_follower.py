"""What a reader has mapped, and how it goes on in the file that replaces it. FORMAT.md, sections 8 and 17."""

from __future__ import annotations

import math
import os
from time import monotonic, sleep
from typing import Any

from . import _files, _linux
from ._errors import Damaged, Error, NotFound, Unsupported
from ._format import BELL_HALF, CLOSED, HEAD_WORD, MOVED, MOVING, STATE_HALF
from ._request import ValueType
from ._ring import Cursor, Ring
from ._values import Codec, codec_for

_NAME_SECONDS = 0.05  # how often the name is compared
_ABSENT_SECONDS = 0.02  # how often a reader looks for a region that is missing: nobody could wake it


class Follower:
    """A mapped region of a reader, and the cursor in it. Its methods replace both when the region is replaced."""

    _region: _files.RegionFile
    _ring: Ring

    def __init__(self, name: str | os.PathLike[str], expected: ValueType, limit: int) -> None:
        self._expected = expected
        self._limit = limit
        self._restart_is_due = False
        try:
            self._location = _files.Location(name)
        except Error as error:
            error.during(f"cannot open region {os.fspath(name)!r}")
            raise
        self._cursor = Cursor(1)

    def close(self) -> None:
        """Releases the region. Views of it remain valid."""
        closed: Any = _Closed(self._location.name)
        self._ring = self._region = closed
        self._location.close()

    @property
    def closed(self) -> bool:
        """Whether this reader was closed."""
        return isinstance(self._ring, _Closed)

    def _open_and_wait(self, open_timeout: float | None) -> bool:
        """Opens the region, and returns whether it had to wait for it."""
        deadline = deadline_after(open_timeout)
        waited = False
        while True:
            try:
                self._enter(*self._open())
                return waited
            except NotFound:
                if monotonic() >= deadline:
                    raise
            waited = True
            sleep(min(_ABSENT_SECONDS, max(0.0, deadline - monotonic())))

    def _open(self) -> tuple[_files.RegionFile, Ring, Codec]:
        try:
            region = _files.open_region(self._location, self._limit)
            header = region.header
            if not _linux.ORDERED and not header.checksums:
                raise Unsupported("on this processor Python can only read regions with checksums; write it with them")
            codec = codec_for(header.kind, region.document, header.fingerprint)
            self._expected.check(header.kind, region.document)
        except Error as error:
            error.during(f"cannot open region {self._location.name!r}")
            raise
        ring = Ring(region.map, header, _files.boot_id(), codec.copies_are_mutable)
        return region, ring, codec

    def _enter(self, region: _files.RegionFile, ring: Ring, codec: Codec) -> None:
        self._region = region
        self._ring = ring
        self._decode = codec.decode
        self._in_place = codec.in_place
        self._name_leads_elsewhere = False
        self._nameless_since = math.inf
        self._is_stuck = False
        self._compared_bell = -1
        self._compare_at = monotonic() + _NAME_SECONDS

    def _cursor_at(self, position: str | int) -> Cursor:
        ring = self._ring
        head, oldest = ring.words[HEAD_WORD], ring.oldest()
        if isinstance(position, int):
            cursor = Cursor(position)
            cursor.skip_to(oldest)  # a number that was asked for and is no longer there counts as lost
            return cursor
        if position == "first":
            return Cursor(ring.first)
        if position == "oldest" or head < oldest:
            return Cursor(oldest)
        return Cursor(head if position == "latest" else head + 1)

    def _mind_the_name(self) -> None:
        """Switches to the file that the name leads to now, if it is time to check. Skips what is left in the old one."""
        bell = self._ring.halves[BELL_HALF]
        state = self._ring.halves[STATE_HALF]
        if self._is_due(bell, state) and self._compare(bell):
            self._go_on()

    def _is_due(self, bell: int, state: int) -> bool:
        moves = state in (MOVING, MOVED) and bell != self._compared_bell
        return moves or monotonic() >= self._compare_at

    def _compare(self, bell: int) -> bool:
        """Whether the name leads to another file."""
        moved = self._ring.halves[STATE_HALF] == MOVED  # only after the name has changed
        try:
            status = self._location.status(self._location.file)
        except Error:
            status = self._region.status  # it could not be found out: compare again later
        found = status and (status.st_dev, status.st_ino)
        if status and found == self._region.identity and (moved or status.st_nlink == 0):
            found = self._nameless(moved)
        self._compared_bell = bell
        self._compare_at = monotonic() + (_ABSENT_SECONDS if found is None else _NAME_SECONDS)
        self._name_leads_elsewhere = found not in (None, self._region.identity)
        return self._name_leads_elsewhere

    def _nameless(self, moved: bool) -> None:
        """Raises Error if the name leads to this file for good, although that was replaced or removed."""
        self._nameless_since = min(self._nameless_since, monotonic())
        self._is_stuck = moved or monotonic() - self._nameless_since >= _NAME_SECONDS
        if self._ring.state != CLOSED:
            self._refuse_stuck()

    def _refuse_stuck(self) -> None:
        """Raises Error if the name is known to lead to this file for good."""
        if self._is_stuck:
            error = Error(_files.MOUNTED)
            error.during(f"cannot follow region {self._location.name!r}")
            raise error

    def _go_on(self) -> None:
        """Switches to the file that the name leads to now. Stays if that is missing, or is the mapped one after all."""
        old = self._region
        try:
            region, ring, codec = self._open()
        except NotFound:
            self._name_leads_elsewhere = False
            return
        self._name_leads_elsewhere = False
        if region.identity == old.identity:
            return
        self._enter(region, ring, codec)
        if region.header.lineage == old.header.lineage:
            self._cursor.skip_to(ring.first)
        else:
            self._cursor = Cursor(ring.first)
            self._restart_is_due = True

    def _go_on_or_raise(self, error: Damaged) -> None:
        """Switches to the file that has replaced a damaged one. Raises `error` if there is none."""
        damaged = self._region
        if self._compare(self._ring.halves[BELL_HALF]):
            self._go_on()
        if self._region is damaged:
            raise error


class _Closed:
    """Takes the place of a closed reader's ring and region, so that no method needs to check for it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        error = Error("the reader is closed; open another one")
        error.during(f"cannot use region {self._name!r}")
        raise error


def deadline_after(timeout: float | None) -> float:
    return math.inf if timeout is None else monotonic() + timeout
