"""Reader: the newest value, or all in order, across ends of writers and replaced files. FORMAT.md, sections 9 to 19."""

from __future__ import annotations

import os
from collections.abc import Iterator
from time import monotonic
from typing import Any

from . import _linux
from ._errors import BadValue, Damaged, Empty, Ended, Error, TimedOut, Unsupported
from ._follower import Follower, deadline_after
from ._format import BELL_HALF, CLOSED, HEAD_WORD, KINDS, LARGEST_NUMBER, LARGEST_REGION, STATE_HALF
from ._lock import writer_status
from ._request import value_type
from ._schema import parsed
from ._view import View

_SLEEP_SECONDS = 0.05


class Reader(Follower):
    """Reads the values of one region. It never changes anything that others see.

    `name` is a name in `$SHM_DIR` (or /dev/shm), or a path that contains a `/`. `start` says where `recv` begins: at
    the "latest" value, at the "oldest", with the next "new" one, or at the value with a certain number.
    `open_timeout` is how many seconds to wait for a region that does not exist yet (None: for ever); a reader that
    has waited starts at the region's first value. `kind`, `dtype` and `shape`, and `schema` are as for a Writer: a
    region of another kind or type is refused. `limit` is the size in bytes of the largest region to map.

    Values are bytes, str, parsed JSON, arrays (an ndarray where NumPy is installed, else a memoryview) or, in a region
    with a schema, dicts, lists, str, int, float, bytes and None. One thread at a time may use a reader.

    Errors: BadName, NotFound, NotARegion, UnknownFormat, Damaged, TooLarge, TypeMismatch, Unsupported.
    """

    def __init__(
        self,
        name: str | os.PathLike[str],
        *,
        start: str | int = "latest",
        open_timeout: float | None = 0,
        kind: str | None = None,
        dtype: Any = None,
        shape: tuple[int, ...] | list[int] | None = None,
        schema: Any = None,
        limit: int = LARGEST_REGION,
    ) -> None:
        _check_position("start", start)
        super().__init__(name, value_type(kind, dtype, shape, schema), limit)
        self._lost = self._sequence = self._time = 0
        self._restarted = self._ended = False
        waited = self._open_and_wait(open_timeout)
        self._cursor = self._cursor_at("first" if waited else start)

    # Values

    def latest(self) -> Any:
        """The newest value. Values that it skips do not count as lost.

        Errors: Empty, Damaged, BadValue, Busy; as for opening, if the region was created again.
        """
        try:
            ring = self._ring
            if monotonic() < self._compare_at and ring.halves[STATE_HALF] <= CLOSED:
                number = ring.latest_if_simple(self._cursor.next)
                if number:
                    # As in `_newest`, without the call: that is a twentieth of the whole.
                    cursor = self._cursor
                    cursor.next = number + 1
                    cursor.lost = self._lost = 0
                    self._sequence = number
                    self._time = ring.time
                    self._restarted = self._restart_is_due
                    self._restart_is_due = False
                    return self._decode(ring.payload)
            self._newest(False)
            return self._decode(self._ring.payload)
        except Error as error:
            self._explain(error, "read the newest value")
            raise

    def view(self) -> View:
        """The newest value in place, without a copy; see `View`. Otherwise as `latest`.

        In a region with checksums, this computes the checksum first, which takes as long as reading the value.
        """
        try:
            if not _linux.ORDERED:
                raise Unsupported("on this processor Python must copy values; use latest()")
            number = self._newest(True)
            return View(self._in_place(memoryview(self._ring.payload)), number, self._ring)
        except Error as error:
            self._explain(error, "view the newest value")
            raise

    def recv(self, timeout: float | None = None) -> Any:
        """Waits at most `timeout` seconds (None: for ever) for the next value in order, and returns it.

        Raises TimedOut if none came in time, and Ended if the writer closed the region and everything was received.

        Errors: Damaged, BadValue (the next call returns the value after it), Busy; as for opening, if the region was
        created again.
        """
        return self._receive(timeout, False)

    def try_recv(self) -> Any:
        """The next value in order, if it is there: `recv(0)`."""
        return self._receive(0, False)

    def __iter__(self) -> Iterator[Any]:
        """The values from the next one on, until the writer closes the region. Errors as for `recv`."""
        return _Values(self, None, False)

    def follow(self, timeout: float | None = None) -> Iterator[Any]:
        """The values from the next one on, for ever: across writers that end, and regions that are created again.

        Raises TimedOut after `timeout` seconds without a value; you can then ask for the next one again. Errors as for
        `recv`, without Ended.
        """
        return _Values(self, timeout, True)

    def seek(self, position: str | int) -> None:
        """Goes to a position: "latest", "oldest", "new" or a number, as for `start`. The next `recv` begins there.

        Errors: as for opening, if the region was created again.
        """
        _check_position("position", position)
        try:
            self._mind_the_name()
            self._cursor = self._cursor_at(position)
            self._ended = False
        except Error as error:
            error.during(f"cannot seek in region {self.name!r}")
            raise

    # About the value that was received last

    @property
    def sequence(self) -> int:
        """Its number; 0 before the first one. Numbers go on across writers, and begin again when `restarted`."""
        return self._sequence

    @property
    def lost(self) -> int:
        """How many values were missed directly before it, because the writer was too fast."""
        return self._lost

    @property
    def time(self) -> int:
        """When it was published, in nanoseconds since 1970."""
        return self._time

    @property
    def restarted(self) -> bool:
        """Whether the region was created again before it. Its number then has nothing to do with earlier ones."""
        return self._restarted

    # About the region, as this reader has it mapped. Receiving goes on to a file that replaces it.

    @property
    def name(self) -> str:
        """The name by which the reader was opened."""
        return self._location.name

    @property
    def kind(self) -> str:
        """"bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._region.header.kind]

    @property
    def schema(self) -> Any:
        """The schema of a region of kind "bincode", as parsed JSON; None without one, and for other kinds."""
        return None if self.kind == "array" else parsed(self._region.document)

    @property
    def array(self) -> Any:
        """The dtype and shape of a region of arrays, as a dict; None for other kinds."""
        return parsed(self._region.document) if self.kind == "array" else None

    @property
    def slots(self) -> int:
        """How many values the region has room for."""
        return self._region.header.slots

    @property
    def capacity(self) -> int:
        """How many bytes a slot holds. It grows with the values."""
        return self._region.header.capacity

    @property
    def head(self) -> int:
        """Number of the newest value; 0 before the first."""
        return int(self._ring.words[HEAD_WORD])

    @property
    def ended(self) -> bool:
        """Whether the last `recv` or loop came to the end: the writer closed the region, everything was received."""
        return self._ended

    def writer(self) -> str:
        """"alive"; "gone" if the region has no writer now; "unknown" if this user may not ask.

        A writer that is killed does not close its region, so `recv` goes on waiting: this shows why nothing comes.
        """
        self._ring.words  # noqa: B018  which a closed reader does not have
        return writer_status(self._location)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The parts of reading

    def _newest(self, in_place: bool) -> int:
        """The number of the newest value, with its payload in the ring."""
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
        if not number:
            raise Empty("it has no value yet; wait for one with recv()")
        cursor = self._cursor
        cursor.next = number + 1
        cursor.lost = self._lost = 0
        self._sequence = number
        self._time = ring.time
        self._restarted, self._restart_is_due = self._restart_is_due, False
        return number

    def _receive(self, timeout: float | None, follow: bool) -> Any:
        """What `recv` or, with `follow`, the iterator of `follow` returns."""
        try:
            self._wait(timeout, follow)
            return self._decode(self._ring.payload)
        except Error as error:
            self._explain(error, "receive a value")
            raise

    def _wait(self, timeout: float | None, follow: bool) -> None:
        """Returns when there is a next value, with its payload in the ring. Raises TimedOut, Ended."""
        self._ended = False
        deadline = deadline_after(timeout)
        watched = None
        while True:
            ring = self._ring
            bell = ring.halves[BELL_HALF]  # first of all: what is published later also changes it
            state = ring.halves[STATE_HALF]
            try:
                if ring.recv(self._cursor):
                    self._sequence = self._cursor.next - 1
                    self._time = ring.time
                    self._lost, self._cursor.lost = self._cursor.lost, 0
                    self._restarted, self._restart_is_due = self._restart_is_due, False
                    return
                if self._name_leads_elsewhere:  # it did so before this attempt, so the old file is drained
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
                raise Ended("its writer closed it, and every value was received; follow() waits for the next writer")
            if follow:
                self._refuse_stuck()
            now = monotonic()
            if now >= deadline:
                raise TimedOut(f"none came within {timeout or 0} seconds; wait longer, or ask for its writer()")
            seconds = min(_SLEEP_SECONDS, deadline - now, max(0.0, self._compare_at - now))
            ring.wait(bell, (ring, bell) != watched, seconds)
            watched = (ring, bell)

    def _explain(self, error: Error, action: str) -> None:
        if isinstance(error, BadValue):
            error.during(
                f"cannot decode value {self._sequence} of region {self.name!r}", "the values after it can still be read"
            )
        error.during(f"cannot {action} of region {self.name!r}")

class _Values(Iterator[Any]):
    """The values of a reader, from its next one on. It can be used again after an error, unlike a generator."""

    def __init__(self, reader: Reader, timeout: float | None, follow: bool) -> None:
        self._reader = reader
        self._timeout = timeout
        self._follow = follow

    def __next__(self) -> Any:
        try:
            return self._reader._receive(self._timeout, self._follow)
        except Ended as ended:
            raise StopIteration from ended


def _check_position(what: str, position: str | int) -> None:
    if position in ("latest", "oldest", "new") or (type(position) is int and 0 < position <= LARGEST_NUMBER):
        return
    raise ValueError(f"{what} must be 'latest', 'oldest', 'new' or the number of a value, not {position!r}")
