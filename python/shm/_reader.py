"""Reader: receives the newest value, or all values in order, also across writers and files that replace each other.

FORMAT.md, sections 9 to 19.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from time import monotonic
from typing import Any

from . import _arguments, _linux
from ._errors import BadValue, Damaged, Empty, Ended, Error, TimedOut, Unsupported, not_copied
from ._files import title
from ._follower import ABSENT_SECONDS, Follower, deadline_after
from ._format import BELL_HALF, CLOSED, HEAD_WORD, KINDS, LARGEST_REGION, STATE_HALF
from ._lock import writer_status
from ._request import value_type
from ._schema import parsed
from ._view import View

_log = logging.getLogger("shm")
_SLEEP_SECONDS = 0.05  # the longest sleep before the reader checks the region's name again


class Reader(Follower):
    """Reads the values of a region. A reader never changes anything that another process can see.

    The region's kind determines the type of the values: bytes, str, parsed JSON, arrays (a NumPy array if NumPy is
    installed, otherwise a memoryview) or, for a region with a schema, dict, list, str, int, float, bool, bytes and
    None.

    Use a reader in one thread at a time. Close it, or use it in a `with` block, to release the region. A reader cannot
    be copied or pickled: open another one.

    Args:
        name: The region's name in the directory `$SHM_DIR` (by default /dev/shm), or a path that contains a `/`.
        start: The position of the first value that `recv` returns: "latest" (the newest value), "oldest" (the oldest
            one that can still be read), "new" (the next one to be published), or a value's number.
        open_timeout: How many seconds to wait for a region that does not exist yet. None waits without limit. A reader
            that had to wait starts at the region's first value, regardless of `start`.
        kind: Refuse regions of another kind: "bytes", "text", "json", "array" or "bincode".
        dtype: Refuse regions that do not hold arrays of this dtype. Needs `shape`.
        shape: The shape that goes with `dtype`. A first length of 0 means any number of rows.
        schema: Refuse regions with another schema. Give a dataclass, a TypedDict or another annotation, or a document
            as in FORMAT.md, section 22, as JSON (str or bytes) or parsed.
        limit: Refuse regions larger than this number of bytes, by default 1 TiB.

    Raises:
        NotFound: if the region does not exist, or did not appear within `open_timeout`.
        TypeMismatch: if it does not match `kind`, `dtype` and `shape`, or `schema`.
        BadName, BadOption, BadType: if an argument is not valid.
        NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported: if the file cannot be used.
        Error: if the operating system refuses, for example because of the file's mode.

    Example:
        >>> with shm.Reader("demo", open_timeout=10) as reader:
        ...     for value in reader:
        ...         print(reader.sequence, value)
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
        try:
            with _arguments.checked():
                start = _arguments.position("start", start)
                seconds = _arguments.seconds("open_timeout", open_timeout)
                largest = _arguments.integer("limit", limit)
                expected = value_type(kind, dtype, shape, schema)
        except Error as error:
            error.during(f"cannot open region {title(name)!r}")
            raise
        super().__init__(name, expected, LARGEST_REGION if largest is None else largest)
        self._lost = self._sequence = self._time = 0
        self._restarted = self._ended = False
        waited = self._open_and_wait(seconds)
        self._cursor = self._cursor_at("first" if waited else start)

    # Values

    def latest(self) -> Any:
        """Returns the newest value, also if this reader has already received it.

        The next `recv` returns the value after it. Values that are skipped this way do not count as lost.

        Raises:
            Empty: if the region contains no value yet.
            BadValue: if the value cannot be decoded.
            Busy: if the writer overwrites the values faster than they can be copied.
            Damaged: if the region is damaged.
            Gone: if the region was removed. The reader notices this within 50 ms.
            Error: as when opening, if the region was replaced or created again.
        """
        try:
            ring = self._ring
            if monotonic() < self._compare_at and ring.halves[STATE_HALF] <= CLOSED and not self._in_use:
                number = ring.latest_if_simple(self._cursor.next)
                if number:
                    # The same as in `_newest`. A call would take a twentieth of the whole time.
                    cursor = self._cursor
                    cursor.next = number + 1
                    cursor.lost = self._lost = 0
                    self._sequence = number
                    self._time = ring.time
                    self._restarted = self._restart_is_due
                    self._restart_is_due = False
                    payload, ring.payload = ring.payload, b""
                    try:
                        return self._decode(payload)
                    except (BadValue, MemoryError, RecursionError):
                        self._report_again()
                        raise
            self._newest(False)
            return self._decoded()
        except (Error, MemoryError, RecursionError) as error:
            raise self._explained(error, "read the newest value of")

    def view(self) -> View:
        """Returns a `View` of the newest value, which gives access to it in place, without a copy.

        Like `latest`, it moves the reader to the value after it. In a region with checksums it first computes the
        checksum, which takes as long as reading the whole value.

        Raises:
            Unsupported: if the processor does not allow it.
            Empty, BadValue, Busy, Damaged, Gone, Error: as for `latest`.
        """
        try:
            if not _linux.ORDERED:
                raise Unsupported("on this processor Python can read values only as copies", "use latest()")
            number = self._newest(True)
            return View(self._in_place(memoryview(self._ring.taken())), number, self._ring, self.name)
        except (Error, MemoryError, RecursionError) as error:
            if isinstance(error, BadValue):
                self._report_again()
            raise self._explained(error, "view the newest value of")

    def recv(self, timeout: float | None = None) -> Any:
        """Waits for the next value in order, and returns it.

        If the writer is killed, `recv` waits for the next writer. `writer` returns whether there is one.

        Args:
            timeout: How many seconds to wait. None waits without limit, 0 or less does not wait.

        Raises:
            TimedOut: if no value arrived in time.
            Ended: if the writer closed the region and the reader has received all values.
            BadValue: if the value cannot be decoded. The next call returns the value after it.
            Busy: if the writer overwrites the values faster than they can be copied.
            Damaged: if the region is damaged. If only this value is, the next call returns the value after it.
            Gone: if the region was removed before its writer closed it, and the reader has received all values.
            BadOption: if `timeout` is not a number of seconds.
            Error: as when opening, if the region was replaced or created again.
        """
        try:
            seconds = _arguments.seconds("timeout", timeout)
        except Error as error:
            error.during(f"cannot receive from region {self.name!r}")
            raise
        return self._receive(seconds, False)

    def try_recv(self) -> Any:
        """Returns the next value in order without waiting: the same as `recv(0)`.

        Raises:
            TimedOut: if there is no new value.
            Ended, BadValue, Busy, Damaged, Gone, Error: as for `recv`.
        """
        return self._receive(0, False)

    def __iter__(self) -> Iterator[Any]:
        """Returns an iterator over all values from the next one on. It stops when the writer has closed the region.

        Each step waits without limit. A value that cannot be decoded, or that is damaged, does not end the loop: the
        iterator logs a warning that names the value (logger "shm"), and continues with the next one. To handle such
        values yourself, call `recv`.

        A step raises Busy, Damaged, Gone or Error, as `recv` does.
        """
        return _Values(self, None, False)

    def follow(self, timeout: float | None = None) -> Iterator[Any]:
        """Returns an iterator over all values from the next one on, which does not stop when a writer ends.

        It waits for the next writer, and continues if the region is removed and created again. It also continues
        after values that cannot be decoded, as a `for` loop over the reader does.

        Args:
            timeout: How many seconds each step waits for a value. None waits without limit.

        Raises:
            TimedOut: by a step, if no value arrived in time. You can call `next` on the iterator again.
            Busy, Damaged, Error: by a step, as for `recv`.
            BadOption: if `timeout` is not a number of seconds.

        Example:
            >>> for value in reader.follow():
            ...     print(reader.sequence, reader.lost, value)
        """
        try:
            seconds = _arguments.seconds("timeout", timeout)
        except Error as error:
            error.during(f"cannot receive from region {self.name!r}")
            raise
        return _Values(self, seconds, True)

    def seek(self, position: str | int) -> None:
        """Moves the reader, so that the next `recv` returns the value at `position`.

        Args:
            position: "latest", "oldest", "new" or a value's number, as for the argument `start` of `Reader`.

        Raises:
            BadOption: if `position` is not one of these.
            Error: as when opening, if the region was replaced or created again.
        """
        try:
            with _arguments.checked():
                position = _arguments.position("position", position)
            self._refuse_second_use()
            self._check_name()
            self._cursor = self._cursor_at(position)
            self._ended = False
        except Error as error:
            error.during(f"cannot seek in region {self.name!r}")
            raise

    # Properties of the value that was received last

    @property
    def sequence(self) -> int:
        """The number of the value that was received last, or 0 if none was received.

        The next writer continues the numbers. They begin again at 1 if the region is removed and created again.
        """
        return self._sequence

    @property
    def lost(self) -> int:
        """How many values the reader missed directly before the last one, because the writer was too fast."""
        return self._lost

    @property
    def time(self) -> int:
        """When the value that was received last was published, in nanoseconds since 1970."""
        return self._time

    @property
    def restarted(self) -> bool:
        """Whether the region was created again before the last value.

        The numbers of earlier values then have no relation to its number.
        """
        return self._restarted

    # Properties of the region's file that this reader has mapped

    @property
    def name(self) -> str:
        """The name or path that was given to `Reader`."""
        return self._location.name

    @property
    def kind(self) -> str:
        """The kind of the values: "bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._region.header.kind]

    @property
    def schema(self) -> Any:
        """The schema of a region of kind "bincode", as parsed JSON, or None if it has none or another kind."""
        return None if self.kind == "array" else parsed(self._region.document)

    @property
    def array(self) -> Any:
        """The dtype and shape of a region of arrays, as a dict, or None for other kinds."""
        return parsed(self._region.document) if self.kind == "array" else None

    @property
    def slots(self) -> int:
        """How many values the region has room for."""
        return self._region.header.slots

    @property
    def capacity(self) -> int:
        """How many bytes a slot has room for. It grows when a larger value is published."""
        return self._region.header.capacity

    @property
    def head(self) -> int:
        """The number of the newest value in the region, or 0 if none was ever published."""
        return int(self._ring.words[HEAD_WORD])

    @property
    def ended(self) -> bool:
        """Whether the last `recv` or loop ended because the writer closed the region and all values were received."""
        return self._ended

    def writer(self) -> str:
        """Returns whether the region has a writer: "alive", "gone", or "unknown" if this user may not check.

        A writer that is killed cannot close its region, so `recv` continues to wait. If no values arrive, use this
        method to check whether a writer still exists.
        """
        self._ring.words  # noqa: B018  a closed reader raises an error here
        return writer_status(self._location)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self._refusal("a reader")

    def _refusal(self, what: str) -> Error:
        """Returns the error for a copy of this reader or of an object that uses it."""
        return not_copied(what, self.name, "open another reader with the same name")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Steps of reading

    def _newest(self, in_place: bool) -> int:
        """Reads the newest value into the ring object, and returns its number."""
        self._refuse_second_use()
        ring = self._ring
        if monotonic() >= self._compare_at or ring.halves[STATE_HALF] > CLOSED:
            self._check_name()
            self._refuse_absent()
            ring = self._ring
        try:
            number = ring.latest(self._cursor.next, in_place)
            if not number:
                ring.check_state()
        except Damaged:
            if not self._has_switched():
                raise
            ring = self._ring
            number = ring.latest(self._cursor.next, in_place)
        if not number:
            raise Empty("it contains no value yet")
        cursor = self._cursor
        cursor.next = number + 1
        cursor.lost = self._lost = 0
        self._sequence = number
        self._time = ring.time
        self._restarted, self._restart_is_due = self._restart_is_due, False
        return number

    def _receive(self, timeout: float | None, follow: bool) -> Any:
        """Returns the next value for `recv` or, with `follow`, for the iterator of `follow`."""
        is_mine = False
        try:
            self._refuse_second_use()
            self._in_use = is_mine = True
            self._wait(timeout, follow)
            try:
                return self._decode(self._ring.taken())
            except (BadValue, MemoryError, RecursionError) as error:
                # The same as `_report_again`: a call would need space on the stack.
                self._cursor.lost += self._lost
                self._lost = 0
                self._restart_is_due |= self._restarted
                if not isinstance(error, BadValue):
                    self._cursor.next = self._sequence  # the value is still there
                raise
        except (Error, MemoryError, RecursionError) as error:
            raise self._explained(error, "receive from")
        finally:
            if is_mine:
                self._in_use = False

    def _wait(self, timeout: float | None, follow: bool) -> None:
        """Waits for the next value, and reads it into the ring object. Raises TimedOut, Ended."""
        self._ended = False
        deadline = deadline_after(timeout)
        watched = None
        while True:
            ring = self._ring
            bell = ring.halves[BELL_HALF]  # loaded first: a value that is published later changes it
            state = ring.halves[STATE_HALF]
            try:
                if ring.recv(self._cursor):
                    self._sequence = self._cursor.next - 1
                    self._time = ring.time
                    self._lost, self._cursor.lost = self._cursor.lost, 0
                    self._restarted, self._restart_is_due = self._restart_is_due, False
                    return
                if self._is_replaced:  # already before this attempt, so the old file contains no more values
                    self._switch()
                    continue
                ring.check_state()
            except Damaged as error:
                if self._has_switched():
                    continue
                if error.is_of_one_value:
                    self._sequence = self._cursor.next
                    ring.pass_damaged(self._cursor)
                raise
            if self._is_due(bell, state) and self._compare(bell):
                continue
            if state == CLOSED and not follow:
                if self._compare(bell):  # a file from before a reboot stays closed when it is replaced
                    continue
                self._ended = True
                raise Ended("its writer closed it, and all values were received")
            if follow:
                self._refuse_stuck()
            else:
                self._refuse_absent()
            now = monotonic()
            if now >= deadline:
                if timeout is None or timeout <= 0:
                    raise TimedOut("there is no new value", "give a timeout to wait for one")
                advice = "wait longer, or check with writer() whether the region still has a writer"
                raise TimedOut(f"no value arrived within {timeout:g} seconds", advice)
            pause = ABSENT_SECONDS if self._is_absent else max(0.0, self._compare_at - now)
            seconds = min(_SLEEP_SECONDS, deadline - now, pause)
            ring.wait(bell, (ring, bell) != watched, seconds)
            watched = (ring, bell)

    def _decoded(self) -> Any:
        """Decodes the payload that was read last."""
        try:
            return self._decode(self._ring.taken())
        except (BadValue, MemoryError, RecursionError):
            self._report_again()
            raise

    def _report_again(self) -> None:
        """Makes the next value repeat the report of lost values, and of a restart, of a value that cannot be used."""
        self._cursor.lost += self._lost
        self._lost = 0
        self._restart_is_due |= self._restarted

    def _explained(self, error: Error | MemoryError | RecursionError, action: str) -> Error:
        """Completes the error of a method that reads."""
        if not isinstance(error, Error):
            explained = Error("this thread's stack is too deep to receive a value", "call it from fewer nested functions")
            if isinstance(error, MemoryError):
                fault = "there is not enough memory for a copy of the value"
                explained = Error(fault, "free some, or read it in place with view()")
            explained.__cause__ = error
            return self._explained(explained, action)
        if isinstance(error, BadValue):
            advice = "continue with recv(), which returns the value after it"
            error.during(f"cannot decode value {self._sequence} of region {self.name!r}", advice)
        error.during(f"cannot {action} region {self.name!r}")
        return error


class _Values(Iterator[Any]):
    """An iterator over the values of a reader. Unlike a generator, it can continue after an error."""

    def __init__(self, reader: Reader, timeout: float | None, follow: bool) -> None:
        self._reader = reader
        self._timeout = timeout
        self._follow = follow

    def __next__(self) -> Any:
        while True:
            try:
                return self._reader._receive(self._timeout, self._follow)
            except Ended as ended:
                raise StopIteration from ended
            except BadValue as error:
                _log.warning("%s", error)
            except Damaged as error:
                if not error.is_of_one_value:
                    raise
                _log.warning("%s", error)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self._reader._refusal("an iterator")
