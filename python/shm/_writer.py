"""Writer: creates, writes, replaces and removes a region. FORMAT.md, sections 11 to 19. It works only on x86-64."""

from __future__ import annotations

import math
import os
import secrets
import time
from dataclasses import replace as with_fields
from typing import Any

from . import _arguments, _ends, _files, _format, _linux
from ._buffers import Payload
from ._errors import BadOption, BadValue, Damaged, Error, Gone, NotFound, Unsupported, not_copied
from ._format import BYTES, CLOSED, KINDS, MOVED, MOVING, OPEN, Header
from ._lock import Lock
from ._own_file import Exchange, OwnFile, copy_values, create_file, is_trusted
from ._request import Request, checked_request, plan, value_type
from ._ring import OwnRing
from ._schema import parsed
from ._sizes import grown_capacity, grown_slots
from ._values import FirstArray, Undecided, codec_for, refused_value

_NAME_NS = 50_000_000  # how often a writer checks that the names still refer to its files
_NAMED_SECONDS = 0.1  # a file keeps its name at least this long: waiting readers look for it 25 times per second
_TRIES = 100  # attempts to open a region that is created and removed again and again


class Writer:
    """Publishes values to a region. It creates the region, or continues after the values of the last writer.

    Arguments that are not given leave an existing region as it is, and no argument but `replace` discards a value:
    `slots` and `capacity` are minimums. A region that holds another kind or type is refused and keeps its values,
    unless `replace` is True.

    Close the writer, or use it in a `with` block, so that its readers end when they have received all values. A writer
    that is still open when the program, or a worker process of `multiprocessing`, ends normally is closed then. Use a
    writer in one thread at a time. A forked child cannot use its parent's writer. A writer cannot be copied or pickled.

    Args:
        name: The region's name in the directory `$SHM_DIR` (by default /dev/shm), or a path that contains a `/`.
        kind: "bytes", "text", "json", "array" or "bincode". Leave it out if you give `schema`, or `dtype` and
            `shape`. If you give none of them, the first value of a new region decides: an array makes it a region of
            arrays of the same dtype and shape, and any other value must be bytes.
        dtype: The dtype of a region of arrays: anything that NumPy accepts, or without NumPy a string such as "<f4".
        shape: The shape of the arrays. With a first length of 0, each value can have another number of rows.
        schema: The schema of typed values: a dataclass, a TypedDict or another annotation, such as `list[float]`; or a
            document as in FORMAT.md, section 22, as JSON (str or bytes) or parsed.
        replace: Whether a region of another kind or type may be replaced. Its values are then discarded (see
            `discarded`), and the numbers continue.
        slots: The minimum number of values that the region has room for, a power of two. A new region has 64 slots by
            default, or fewer if the slots are larger than 1 MiB. A region with more slots keeps them. If its slots
            have grown beyond `capacity`, it keeps the number of slots that growing has left.
        capacity: The minimum number of bytes that a slot has room for. By default, a slot of a new region of arrays
            has room for one array. In other regions it has 4096 bytes. In a region of more than 64 slots it has
            fewer: all slots together take 256 KiB, but each has at least 96 bytes. The slots grow when a larger value
            is published. A region with larger slots keeps them.
        mode: The permission bits of the region's file: 0o600 (the default for a new region), 0o640, 0o604 or 0o644.
            The umask has no effect on them.
        checksum: Whether values have checksums, which readers verify. A new region has none by default.

    Raises:
        WriterAlive: if the region already has a writer.
        TypeMismatch: if the region holds another kind or type, and `replace` is False.
        BadName, BadOption, BadType: if an argument is not valid, or does not apply to the region.
        NotOurs: if another user could have prepared, or could change, the region's file or lock file.
        NotFound: if the directory does not exist.
        TooLarge: if the region would be larger than a limit.
        NotARegion, UnknownFormat, Damaged, Unsupported: if the file or its file system cannot be used.
        Error: if the operating system refuses, for example because there is too little space.

    Example:
        >>> with shm.Writer("demo", "json") as writer:
        ...     writer.publish({"celsius": 21.5})
        1
    """

    _lock: Lock | None = None  # a class attribute, so that it exists even if `__init__` refuses the arguments

    def __init__(
        self,
        name: str | os.PathLike[str],
        kind: str | None = None,
        *,
        dtype: Any = None,
        shape: tuple[int, ...] | list[int] | None = None,
        schema: Any = None,
        replace: bool = False,
        slots: int | None = None,
        capacity: int | None = None,
        mode: int | None = None,
        checksum: bool | None = None,
    ) -> None:
        self._why_not = ("", "")  # why this writer can no longer publish, and what to do
        self._discarded = 0
        self._placed_at = -math.inf  # when this writer put the file in its place, if it did
        self._in_use = False  # whether a call of `publish` is storing, which must not be interrupted by another one
        self._close_is_due = False  # whether that call closes the writer at its end
        self._exchange: Exchange | None = None  # between calls, not None only if a signal interrupted an exchange
        try:
            with _arguments.checked():
                value = value_type(kind, dtype, shape, schema)
                self._request = request = checked_request(value, replace, slots, capacity, mode, checksum)
            if not _linux.ORDERED:
                fault = "Python can write regions only on x86-64 processors"
                raise Unsupported(fault, "write it with a program in another language")
            self._location = _files.Location(name)
            with _files.system_errors():
                _files.check_local(self._location.directory)
                self._lock = Lock(self._location)
                try:
                    self._location.remove_new_file()  # the last writer may have died while it replaced the region
                    self._start(request)
                except BaseException:
                    lock, self._lock = self._lock, None
                    lock.clean_up(failed=True)
                    lock.free()
                    raise
        except Error as error:
            error.during(f"cannot open region {_files.title(name)!r} for writing")
            raise
        _ends.register(self)

    # Publishing

    def publish(self, value: Any) -> int:
        """Publishes a value. Readers see either the whole value or nothing.

        If the value is larger than a slot, the region is replaced by one with larger slots. Readers switch to it.

        Args:
            value: A value of the region's kind: bytes or another buffer of plain numbers, a str, anything that `json`
                can write, an array of the region's dtype and shape (or its bytes, as bytes or a bytearray), or a value
                that fits the schema. An array with more than its elements, such as a mask or a unit, is refused.

        Returns:
            The value's number. The first value has number 1.

        Raises:
            BadValue: if the value does not fit the region. Nothing was published.
            TooLarge: if the region would become too large. Nothing was published.
            Gone: if the writer is closed, or its region was removed or replaced. The writer checks this every 50 ms,
                after it has published.
            Damaged: if another program emptied the region's file.
            Error: if the region could not grow, or another thread is using the writer. Nothing was published.
        """
        is_mine = False
        first = None
        try:
            if self._in_use:
                self._refuse_second_use()
            if self._why_not[0]:
                raise Gone(*self._why_not)
            if self._exchange is not None:
                self._settle()
            try:
                payload = self._codec.encode(value)
            except Error:
                raise
            except FirstArray as array:
                first, payload = array, b""
            except Exception as error:
                raise refused_value(error) from error
            if self._in_use:
                self._refuse_second_use()
            self._in_use = is_mine = True
            if self._why_not[0]:  # a method of the value has closed the writer
                raise Gone(*self._why_not)
            if first is not None:
                return self._become_array(first)
            if len(payload) > self._capacity:
                return self._grow(payload)
            number = self._ring.publish(payload)
            if time.monotonic_ns() >= self._compare_at:
                self._check_file()
            return number
        except Error as error:
            error.during(f"cannot publish to region {self.name!r}")
            raise
        finally:
            if is_mine:
                self._in_use = False
                if self._close_is_due:
                    self.close()

    # Properties of the region

    @property
    def name(self) -> str:
        """The name or path that was given to `Writer`."""
        return self._location.name

    @property
    def kind(self) -> str:
        """The kind of the values: "bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._own.header.kind]

    @property
    def schema(self) -> Any:
        """The schema of a region of kind "bincode", as parsed JSON, or None if it has none or another kind."""
        return None if self.kind == "array" else parsed(self._own.document)

    @property
    def array(self) -> Any:
        """The dtype and shape of a region of arrays, as a dict, or None for other kinds."""
        return parsed(self._own.document) if self.kind == "array" else None

    @property
    def slots(self) -> int:
        """How many values the region has room for."""
        return self._own.header.slots

    @property
    def capacity(self) -> int:
        """How many bytes a slot has room for. It grows when a larger value is published."""
        return self._capacity

    @property
    def discarded(self) -> int:
        """How many values this writer discarded when it replaced a region of another kind or type (`replace=True`)."""
        return self._discarded

    @property
    def head(self) -> int:
        """The number of the newest value, from this writer or an earlier one, or 0 if none was ever published."""
        return self._ring.head

    # Ending

    def close(self) -> None:
        """Closes the writer. The region and its values stay.

        Readers that have received all values then end, unless the region was removed, replaced or emptied: it may belong
        to another writer. Closing again has no effect.

        If another thread, or code that a signal handler interrupted, is in `publish`, that call closes the writer at
        its end.
        """
        if self._lock is None:
            return
        self._close_is_due = True  # before `_in_use` is read, because a call of `publish` may end meanwhile
        if self._in_use:
            return
        self._settle()
        if not self._why_not[0]:
            self._close_file()
            self._why_not = ("this writer is closed", "open another one")
        lock, self._lock = self._lock, None
        lock.clean_up()
        lock.free()
        self._location.close()

    def _refuse_second_use(self) -> None:
        raise Error(
            "another thread, or code that a signal handler interrupted, is using this writer",
            "protect the writer with a lock, and do not publish in signal handlers",
        )

    def _close_file(self) -> None:
        """Changes the state to *closed*, unless the region is no longer this writer's."""
        try:
            self._check_file()
        except (Gone, Damaged):
            return
        except Error:
            pass  # the names could not be compared, which does not show that the region is gone
        self._ring.change_state(CLOSED)

    @property
    def closed(self) -> bool:
        """Whether this writer is closed."""
        return self._lock is None

    def remove(self) -> None:
        """Removes the region, and closes the writer.

        Readers can still receive the values that were published, and then end. If this writer created the region less
        than 100 ms ago, or replaced its file, the region stays until 100 ms have passed, so that readers that wait for
        it find it.

        Raises:
            Gone: if the writer is closed, or its region was removed or replaced.
            Error: if the operating system refuses to remove the file.
        """
        try:
            if self._in_use:
                self._refuse_second_use()
            if self._lock is None or self._why_not[0]:
                raise Gone(*self._why_not)
            with _files.system_errors():
                self._settle()
                if self._ring.head >= self._ring.first:
                    time.sleep(max(0, self._placed_at + _NAMED_SECONDS - time.monotonic()))
                self._check_names()
                self._ring.change_state(CLOSED)
                self._location.remove_new_file()
                self._location.unlink(self._location.file)
        except Error as error:
            error.during(f"cannot remove region {self.name!r}")
            raise
        self.close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise not_copied("a writer", self.name, "open it by name where it is needed, after this writer was closed")

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _forget(self) -> None:
        """Makes the writer unusable in a forked child. Stores and unlocks nothing: the region belongs to the parent."""
        self._why_not = (
            "this process was forked from the one that opened the writer",
            "publish in that process, or open the writer after the fork",
        )
        if self._lock is not None:
            self._lock.forget()
            self._lock = None

    # Starting

    def _start(self, request: Request) -> None:
        self._boot = _files.boot_id()
        self._started_ns = time.time_ns()
        for _ in range(_TRIES):
            try:
                region = _files.open_region(self._location, _format.LARGEST_REGION, writable=True)
            except NotFound:
                if self._create(request):
                    return
            else:
                self._take_over(region, request)
                return
        raise Error(f"it was created and removed during each of {_TRIES} attempts to open it", "try again later")

    def _create(self, request: Request) -> bool:
        """Creates the region. Returns False if another process has created it meanwhile."""
        planned, document = plan(None, None, request)
        header = with_fields(planned, boot_id=self._boot, created_ns=time.time_ns())
        mode = request.mode or 0o600
        made = create_file(self._location, header, _format.descriptor_of(document), document, mode, None)
        try:
            made.ring.begin(0, 1, 1, self._started_ns, os.getpid())
            _linux.rename_new(self._location.directory, self._location.new_file, self._location.file)
        except FileExistsError:
            return False
        finally:
            self._location.remove_new_file()
        self._use(made)
        self._placed_at = time.monotonic()
        return True

    def _take_over(self, region: _files.RegionFile, request: Request) -> None:
        header = region.header
        if not request.replace or request.type.accepts(header.kind, region.document):
            codec_for(header.kind, region.document, header.fingerprint)  # raises an error if its type is damaged
            request.type.check(header.kind, region.document)
        ring = OwnRing(region.map, header, region.present_boot)
        is_sound = ring.find_head()
        planned, document = plan(header, region.document, request)
        old = OwnFile(header, region.descriptor, region.document, ring, region.status)
        mode = request.mode or region.status.st_mode & 0o777
        same_boot = _files.is_same_boot(header.boot_id, region.present_boot)
        if is_sound and planned == header and same_boot and not region.may_be_a_copy:
            if region.status.st_mode & 0o777 != mode:
                old.status = self._change_mode(mode)
            ring.take_over(self._started_ns, os.getpid())
            self._use(old)
        else:
            self._replace(old, planned, document, (ring.epoch + 1) % (1 << 64), mode, None)

    def _change_mode(self, mode: int) -> os.stat_result:
        descriptor = self._location.open(self._location.file, os.O_RDONLY)
        try:
            os.fchmod(descriptor, mode)
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _use(self, own: OwnFile) -> None:
        self._own = own
        self._ring = own.ring
        self._capacity = own.header.capacity
        self._codec = codec_for(own.header.kind, own.document, own.header.fingerprint)
        if own.header.kind == BYTES and self._request.type.kind is None:
            self._codec = Undecided()
        self._compare_at = time.monotonic_ns() + _NAME_NS

    def _check_file(self) -> None:
        """Raises Gone like `_check_names`, and Damaged if the file was emptied. Later calls of `publish` raise Gone."""
        self._check_names()
        if self._ring.state != OPEN:
            fault = "its file was emptied while this writer had it open"
            self._why_not = (fault, "open a region with another name")
            raise Damaged(fault)

    def _check_names(self) -> None:
        """Raises Gone if the name of the region or of its lock file refers to another file. Later calls do so, too."""
        location, lock = self._location, self._lock
        if location.identity(location.file) != self._own.identity or (
            lock is not None and location.identity(location.lock_file) != lock.identity
        ):
            self._why_not = ("another program removed or replaced its file or its lock file", "open another writer")
            raise Gone(*self._why_not)
        self._compare_at = time.monotonic_ns() + _NAME_NS

    # Files

    def _grow(self, payload: Payload) -> int:
        header = self._own.header
        capacity = grown_capacity(header.capacity, len(payload))
        slots = grown_slots(header.slots, header.capacity, capacity)
        planned = with_fields(header, slots=slots, capacity=capacity).with_sizes()
        with _files.system_errors():
            mode = self._own.status.st_mode & 0o777
            self._replace(self._own, planned, self._own.document, self._ring.epoch, mode, payload)
        return self._ring.head

    def _become_array(self, first: FirstArray) -> int:
        """Gives a region without values the dtype and shape of the first array, and publishes the array."""
        if self._ring.head >= self._ring.first:
            raise BadValue(
                "its values are bytes, so the dtype and shape of the array would be lost",
                "give the array's tobytes(), or open the writer with kind='bytes'",
            )
        try:
            type = value_type(None, first.dtype, first.shape, None)
        except BadOption as error:
            raise BadValue(str(error), first.advice or error._advice) from error
        capacity = self._request.capacity or len(first.payload)
        request = with_fields(self._request, type=type, replace=True, capacity=capacity)
        planned, document = plan(self._own.header, self._own.document, request)
        with _files.system_errors():
            mode = self._own.status.st_mode & 0o777
            self._replace(self._own, planned, document, self._ring.epoch, mode, first.payload)
        return self._ring.head

    def _replace(
        self,
        old: OwnFile,
        planned: Header,
        document: bytes | None,
        epoch: int,
        mode: int,
        payload: Payload | None,
    ) -> None:
        """Replaces the file `old` by a new one, to which it copies the newest values. FORMAT.md, section 16.

        If there is a `payload`, it becomes the next value of the new file.
        """
        self._own = old
        self._check_names()
        old.ring.catch_up()
        head, first = old.ring.head, old.ring.first
        is_same_type = planned.kind == old.header.kind and document == old.document
        keeps_lineage = head == first - 1 or is_trusted(old.ring, head)
        header = with_fields(
            planned,
            lineage=old.header.lineage if keeps_lineage else secrets.token_bytes(16),
            file_number=old.header.file_number + 1 if keeps_lineage else 1,
            boot_id=self._boot,
            created_ns=time.time_ns(),
        )
        descriptor = old.descriptor if is_same_type else _format.descriptor_of(document)
        mode = mode & 0o644 | 0o600  # the old file can have any mode
        new = create_file(self._location, header, descriptor, document, mode, old.status.st_gid)
        self._exchange = Exchange(old, new, old.ring.state == CLOSED)
        try:
            copied: list[int] = []
            if is_same_type:
                copied = copy_values(old.ring, new.ring, header.slots - (payload is not None))
            newest, oldest = (copied[0], copied[-1]) if copied else (head, head + 1)
            new.ring.begin(newest, oldest, epoch if keeps_lineage else 1, self._started_ns, os.getpid())
            new.ring.head = head  # the next value gets the number after it, even if the newest value was not copied
            if payload is not None:
                new.ring.publish(payload)
            self._check_names()
            self._exchange.change_state(MOVING)
            self._location.rename(self._location.new_file, self._location.file)
            self._discarded += 0 if is_same_type else old.ring.retained(head)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Ends an exchange of files, also after a signal or an error. The name shows which file is the region now."""
        exchange, location = self._exchange, self._location
        if exchange is None:
            return
        if location.identity(location.file) == exchange.new.identity:
            self._use(exchange.new)
            self._placed_at = time.monotonic()
            exchange.change_state(MOVED)
        else:
            exchange.change_state(CLOSED if exchange.was_closed else OPEN)
            if location.identity(location.new_file) == exchange.new.identity:
                location.remove_new_file()
        self._exchange = None
