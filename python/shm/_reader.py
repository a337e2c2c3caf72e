"""Reader: the newest value or all in order, across writers that end and files that are replaced. FORMAT.md, 9 to 19."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

from . import _files, _linux, _schema
from ._errors import Damaged, Error, NotFound, TypeMismatch, Unsupported
from ._format import (
    BELL_HALF, CLOSED, HEAD_WORD, KINDS, LARGEST_NUMBER, LARGEST_REGION, MOVED, MOVING, STATE_HALF,
)  # fmt: skip
from ._ring import Cursor, Ring
from ._values import Codec, codec_for

_NAME_SECONDS = 0.05  # how often the name is compared
_ABSENT_SECONDS = 0.02  # how often a region that is not there is looked for: nobody could wake us
_SLEEP_SECONDS = 0.05


class View:
    """A value where it lies in the region, without a copy, read-only.

    The writer may overwrite it at any time. So use `data`, then ask `is_whole`, and believe what you computed only if
    it says True. The memory stays mapped for as long as `data` is used anywhere, whatever becomes of the reader.
    """

    __slots__ = ("data", "sequence", "time", "_words", "_stamp_word")

    def __init__(self, data: Any, sequence: int, ring: Ring) -> None:
        #: A memoryview or, of an array and with NumPy, an ndarray.
        self.data = data
        #: The value's number.
        self.sequence = sequence
        #: When it was published, in nanoseconds since 1970.
        self.time = ring.time
        self._words = ring.words
        self._stamp_word = ring.slot_word(sequence)

    def is_whole(self) -> bool:
        """Whether all that was read from `data` until now is of this one value."""
        return self._words[self._stamp_word] == 2 * self.sequence

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        self.data = None


class Reader:
    """Reads the values of one region. It never changes anything that others see.

    `name` is a name in `$SHM_DIR` (or /dev/shm), or a path with a `/` in it. `start` says where `recv` begins: at the
    "latest" value that there is, at the "oldest", with the next "new" one, or at a number. `wait` is for how many
    seconds to wait for a region that is not there (None: for ever); after that, it starts at the region's first value.
    `kind` and `schema` insist on a kind ("bytes", "text", "json", "array", "bincode") or a type, given as to a Writer;
    `limit` is the largest region to map, in bytes.

    Values are bytes, str, parsed JSON, arrays (with NumPy an ndarray, else a memoryview) or, where the region has a
    schema, what that says: dicts, lists, str, int, float, bytes, None. A reader is for one thread at a time.

    Errors: BadName, NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, TypeMismatch, Unsupported.
    """

    def __init__(
        self,
        name: str | os.PathLike[str],
        *,
        start: str | int = "latest",
        wait: float | None = 0,
        kind: str | None = None,
        schema: Any = None,
        limit: int = LARGEST_REGION,
    ) -> None:
        if start not in ("latest", "oldest", "new") and not (type(start) is int and 0 < start <= LARGEST_NUMBER):
            raise ValueError(f"start is 'latest', 'oldest', 'new' or the number of a value, not {start!r}")
        if kind not in (None, *KINDS.values()):
            raise ValueError(f"kind is one of {', '.join(KINDS.values())}, not {kind!r}")
        self._place = _files.Place(name)
        self._wanted_kind = kind
        self._wanted_schema = None if schema is None else _schema.canonical(schema)
        self._limit = limit
        self._lost = self._sequence = self._time = 0
        self._restarted = self._restart_is_due = self._ended = False
        waited = self._open_and_wait(wait)
        self._cursor = self._first_cursor("first" if waited else start)

    def _open_and_wait(self, wait: float | None) -> bool:
        deadline = _deadline(wait)
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
            region = _files.open_region(self._place, self._limit)
            header = region.header
            if not _linux.ORDERED and not header.checksums:
                raise Unsupported("here Python can only read regions with checksums; make it with checksum=True")
            codec = codec_for(header.kind, region.document, header.fingerprint)
            if self._wanted_kind not in (None, KINDS[header.kind]):
                raise TypeMismatch(f"it holds {KINDS[header.kind]}, not {self._wanted_kind}; ask for that")
            if self._wanted_schema not in (None, region.document):
                raise TypeMismatch("it holds another type than the one asked for; compare Reader.schema")
        except Error as error:
            error.during(f"cannot open region {self.name!r}")
            raise
        ring = Ring(region.map, header, _files.boot_id(), codec.copies_are_mutable)
        return region, ring, codec

    def _enter(self, region: _files.RegionFile, ring: Ring, codec: Codec) -> None:
        self._region = region
        self._ring = ring
        self._decode = codec.decode
        self._in_place = codec.in_place
        self._name_leads_elsewhere = False
        self._compared_bell = -1
        self._compare_at = monotonic() + _NAME_SECONDS

    def _first_cursor(self, start: str | int) -> Cursor:
        ring = self._ring
        head, oldest = ring.words[HEAD_WORD], ring.oldest()
        if isinstance(start, int):
            cursor = Cursor(start)
            cursor.skip_to(oldest)  # to ask for a number that is no longer held is a loss; to choose a place is none
            return cursor
        if start == "first":
            return Cursor(ring.first)
        if start == "oldest" or head < oldest:
            return Cursor(oldest)
        return Cursor(head if start == "latest" else head + 1)

    # Values

    def latest(self) -> Any:
        """The newest value; None if there is none yet. Values that it passes by are not lost.

        Errors: Damaged, BadValue, Busy; as for opening, if the region was made anew.
        """
        try:
            ring = self._ring
            if monotonic() < self._compare_at and ring.halves[STATE_HALF] <= CLOSED:
                number = ring.glance(self._cursor.next)
                if number:
                    # `_give_newest`, without the call: that is a twentieth of the whole.
                    cursor = self._cursor
                    cursor.next = number + 1
                    cursor.lost = self._lost = 0
                    self._sequence = number
                    self._time = ring.time
                    self._restarted = self._restart_is_due
                    self._restart_is_due = False
                    return self._decode(ring.payload)
            return self._decode(self._ring.payload) if self._newest(False) else None
        except Error as error:
            error.during(f"cannot read region {self.name!r}")
            raise

    def view(self) -> View | None:
        """The newest value in place, see `View`; None if there is none yet. Otherwise as `latest`.

        Of a region with checksums, the checksum is computed first, which takes as long as reading the value.
        """
        if not _linux.ORDERED:
            raise Unsupported(f"cannot view region {self.name!r}: on this processor Python must copy; use latest()")
        try:
            number = self._newest(True)
            return View(self._in_place(memoryview(self._ring.payload)), number, self._ring) if number else None
        except Error as error:
            error.during(f"cannot view region {self.name!r}")
            raise

    def recv(self, timeout: float | None = None) -> Any:
        """The next value in order; None after `timeout` seconds, or when the writer has closed and all was read.

        `ended` tells these two apart. Where None is a value, of JSON or an option, `sequence` shows whether it is one.

        Errors: Damaged, BadValue (the next call goes on behind it), Busy; as for opening, if the region was made anew.
        """
        try:
            return self._decode(self._ring.payload) if self._receive(timeout, False) else None
        except Error as error:
            error.during(f"cannot read region {self.name!r}")
            raise

    def follow(self, timeout: float | None = None) -> Iterator[Any]:
        """All values from the next one on, for ever, or until `timeout` seconds of silence.

        It goes on when writers end and begin, and when the region is removed and made anew. Errors as for `recv`.
        """
        while True:
            try:
                if not self._receive(timeout, True):
                    return
                value = self._decode(self._ring.payload)
            except Error as error:
                error.during(f"cannot read region {self.name!r}")
                raise
            yield value

    # About the value that was given last

    @property
    def lost(self) -> int:
        """How many values were missed directly before it, because the writer was too fast."""
        return self._lost

    @property
    def sequence(self) -> int:
        """Its number; 0 before the first one. Numbers go on across writers, and begin again when `restarted`."""
        return self._sequence

    @property
    def time(self) -> int:
        """When it was published, in nanoseconds since 1970."""
        return self._time

    @property
    def restarted(self) -> bool:
        """Whether the region was made anew before it: its number says nothing about those before."""
        return self._restarted

    # About the region

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def kind(self) -> str:
        """"bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._region.header.kind]

    @property
    def schema(self) -> Any:
        """The schema as parsed JSON; None without one."""
        document = self._region.document
        return None if document is None else json.loads(document)

    @property
    def ended(self) -> bool:
        """Whether the last `recv` found that the writer had closed the region and everything was read."""
        return self._ended

    def close(self) -> None:
        """Lets the region go. Views of it stay as they are."""
        self._ring = self._region = _CLOSED_READER
        self._place.close()

    @property
    def closed(self) -> bool:
        """Whether this reader was closed."""
        return self._ring is _CLOSED_READER

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The parts of reading

    def _newest(self, in_place: bool) -> int:
        """The number of the newest value, with its payload in the ring; 0 if there is none yet."""
        ring = self._ring
        if monotonic() >= self._compare_at or ring.halves[STATE_HALF] > CLOSED:
            self._mind_the_name()
            ring = self._ring
        try:
            number = ring.latest(self._cursor.next, in_place)
            if not number:
                ring.check_state()
        except Damaged as error:
            self._go_on_or_raise(error)
            ring = self._ring
            number = ring.latest(self._cursor.next, in_place)
        if number:
            self._give_newest(ring, number)
        return number

    def _mind_the_name(self) -> None:
        """Goes on in another file, if it is time to look for one and there is one. What the old one has is old."""
        bell = self._ring.halves[BELL_HALF]
        state = self._ring.halves[STATE_HALF]
        if self._is_due(bell, state) and self._compare(bell):
            self._go_on()

    def _receive(self, timeout: float | None, follow: bool) -> bool:
        """Whether there is a next value, with its payload in the ring. Waits for it as `recv` or `follow`."""
        self._ended = False
        deadline = _deadline(timeout)
        watched = None
        while True:
            ring = self._ring
            bell = ring.halves[BELL_HALF]  # first of all: what is published later also changes it
            state = ring.halves[STATE_HALF]
            try:
                if ring.recv(self._cursor):
                    self._give(self._cursor.next - 1)
                    return True
                if self._name_leads_elsewhere:  # it did so before this look, so the old file is drained
                    self._go_on()
                    continue
                ring.check_state()
            except Damaged as error:
                self._go_on_or_raise(error)
                continue
            if self._is_due(bell, state) and self._compare(bell):
                continue
            if state == CLOSED and not follow:
                if self._compare(bell):  # after a reboot, a closed file stays closed when another one replaces it
                    continue
                self._ended = True
                return False
            now = monotonic()
            if now >= deadline:
                return False
            seconds = min(_SLEEP_SECONDS, deadline - now, max(0.0, self._compare_at - now))
            ring.wait(bell, (ring, bell) != watched, seconds)
            watched = (ring, bell)

    def _give_newest(self, ring: Ring, number: int) -> None:
        cursor = self._cursor
        cursor.next = number + 1
        cursor.lost = self._lost = 0
        self._sequence = number
        self._time = ring.time
        self._restarted = self._restart_is_due
        self._restart_is_due = False

    def _give(self, number: int) -> None:
        self._sequence = number
        self._time = self._ring.time
        self._lost, self._cursor.lost = self._cursor.lost, 0
        self._restarted, self._restart_is_due = self._restart_is_due, False

    # The parts of following a replaced file

    def _is_due(self, bell: int, state: int) -> bool:
        moves = state in (MOVING, MOVED) and bell != self._compared_bell
        return moves or monotonic() >= self._compare_at

    def _compare(self, bell: int) -> bool:
        """Whether the name leads to another file."""
        try:
            found = self._place.identity(self._place.file)
        except Error:
            found = self._region.identity  # that says nothing: compare again later
        self._compared_bell = bell
        self._compare_at = monotonic() + (_ABSENT_SECONDS if found is None else _NAME_SECONDS)
        self._name_leads_elsewhere = found not in (None, self._region.identity)
        return self._name_leads_elsewhere

    def _go_on(self) -> None:
        """Goes on in the file that the name leads to now. Stays, if that is gone again or the old one after all."""
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
        """A writer replaces a file that contradicts itself, so that there may be another one."""
        damaged = self._region
        if self._compare(self._ring.halves[BELL_HALF]):
            self._go_on()
        if self._region is damaged:
            raise error


class _ClosedReader:
    """Stands where the ring of a closed reader was, so that nothing needs to ask whether it is closed."""

    def __getattr__(self, name: str) -> Any:
        raise Error("its reader is closed; make another one")


_CLOSED_READER: Any = _ClosedReader()


def _deadline(timeout: float | None) -> float:
    return math.inf if timeout is None else monotonic() + timeout
