"""Writer: a region's life, from creating it to removing it. FORMAT.md, sections 11 to 19. x86-64 only."""

from __future__ import annotations

import atexit
import os
import secrets
import time
import weakref
from dataclasses import replace as with_fields
from typing import Any

from . import _files, _format, _linux
from ._errors import BadValue, Damaged, Error, Gone, NotFound, Unsupported
from ._format import CLOSED, KINDS, MOVED, MOVING, OPEN, Header
from ._lock import Lock
from ._own_file import Exchange, OwnFile, copy_values, create_file, is_trusted
from ._request import Request, fewer_slots, plan, value_type
from ._ring import OwnRing
from ._schema import parsed
from ._values import Payload, codec_for

_NAME_NS = 50_000_000  # how often the names are compared
_TRIES = 100  # at a region that appears and vanishes


class Writer:
    """The one writer of a region: creates it, or continues after the last writer's values.

    An option that is not given stays as it is in the region. A new region has kind "bytes", 64 slots of 4096 bytes
    (fewer if its arrays are large), mode 0o600 and no checksums unless you say otherwise. `dtype` and `shape` are for
    a region of arrays, `schema` for one of values of a type (a document of FORMAT.md, section 22: JSON in bytes or
    str, or parsed). `capacity` is how many bytes a slot holds; it grows with the values.

    A region that holds another kind or type is refused with TypeMismatch, and keeps its values. With `replace=True` it
    is replaced by an empty one, whose numbers go on. Other slots, a larger capacity, checksums or another mode need no
    `replace`: the newest values stay.

    Close a writer, or use it in a `with` block, so that readers know that nothing more will come. One thread at a time
    may use it, and a forked child may not.

    Errors: BadName, WriterAlive, NotOurs, NotARegion, UnknownFormat, Damaged, TypeMismatch, TooLarge, Unsupported;
    ValueError for options that contradict each other.
    """

    _lock: Lock | None = None  # also if the arguments were wrong

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
        self._why_not = ""  # why it can no longer publish, and what to do
        self._discarded = 0
        self._exchange: Exchange | None = None  # not None between calls only if a signal came at a bad time
        request = Request(value_type(kind, dtype, shape, schema), replace, slots, capacity, mode, checksum)
        try:
            if not _linux.ORDERED:
                raise Unsupported("Python can write shared memory on x86-64 only; use another language here")
            self._location = _files.Location(name)
            with _files.system_errors():
                _files.check_local(self._location.directory)
                self._lock = Lock(self._location)
                try:
                    self._start(request)
                except BaseException:
                    lock, self._lock = self._lock, None
                    lock.clean_up(failed=True)
                    lock.free()
                    raise
        except Error as error:
            error.during(f"cannot write region {os.fspath(name)!r}")
            raise
        _writers.add(self)

    # Publishing

    def publish(self, value: Any) -> int:
        """Makes `value` the newest one, and returns its number. Readers never see a part of it.

        Errors: BadValue and TooLarge, which change nothing; Gone, which may be noticed just after publishing.
        """
        try:
            if self._why_not:
                raise Gone(self._why_not)
            if self._exchange is not None:
                self._settle()
            payload = self._codec.encode(value)
            if len(payload) > self._capacity:
                return self._grow(payload)
            number = self._ring.publish(payload)
            if time.monotonic_ns() >= self._compare_at:
                self._check_file()
            return number
        except Error as error:
            advice = f"publish a value that fits a region of {self.kind}" if isinstance(error, BadValue) else ""
            error.during(f"cannot publish to region {self.name!r}", advice)
            raise

    # About the region

    @property
    def name(self) -> str:
        """The name by which the writer was opened."""
        return self._location.name

    @property
    def kind(self) -> str:
        """"bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._own.header.kind]

    @property
    def schema(self) -> Any:
        """The schema of a region of kind "bincode", as parsed JSON; None without one, and for other kinds."""
        return None if self.kind == "array" else parsed(self._own.document)

    @property
    def array(self) -> Any:
        """The dtype and shape of a region of arrays, as a dict; None for other kinds."""
        return parsed(self._own.document) if self.kind == "array" else None

    @property
    def slots(self) -> int:
        """How many values the region has room for."""
        return self._own.header.slots

    @property
    def capacity(self) -> int:
        """How many bytes a slot holds. It grows with the values."""
        return self._capacity

    @property
    def discarded(self) -> int:
        """How many values this writer discarded when it replaced a region of another kind or type."""
        return self._discarded

    @property
    def head(self) -> int:
        """Number of the newest value, of this writer or one before; 0 before the first."""
        return self._ring.head

    # Ending

    def close(self) -> None:
        """Tells readers that nothing more will come from this writer. The region and its values stay."""
        if self._lock is None:
            return
        self._settle()
        lock, self._lock = self._lock, None
        self._why_not = self._why_not or "the writer is closed; open another one"
        self._ring.change_state(CLOSED)  # also in a file that is gone: its readers have reached the end
        lock.clean_up()
        lock.free()

    @property
    def closed(self) -> bool:
        """Whether this writer was closed."""
        return self._lock is None

    def remove(self) -> None:
        """Closes the writer, and removes the region. Readers can still receive what they have mapped, and then end."""
        try:
            if self._lock is None or self._why_not:
                raise Gone(self._why_not)
            with _files.system_errors():
                self._settle()
                self._check_names()
                self._ring.change_state(CLOSED)
                self._location.remove_new_file()
                self._location.unlink(self._location.file)
        except Error as error:
            error.during(f"cannot remove region {self.name!r}")
            raise
        self.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _forget(self) -> None:
        """In a forked child: the region and the lock are the parent's. Nothing is stored or unlocked."""
        self._why_not = "its writer belongs to the parent process; open another region in this one"
        if self._lock is not None:
            self._lock.forget()
            self._lock = None

    # Starting

    def _start(self, request: Request) -> None:
        self._boot = _files.boot_id()
        self._started_ns = time.time_ns()
        self._location.remove_new_file()
        for _ in range(_TRIES):
            try:
                region = _files.open_region(self._location, _format.LARGEST_REGION, writable=True)
            except NotFound:
                if self._create(request):
                    return
            else:
                self._take_over(region, request)
                return
        raise Error("it appears and vanishes again and again; try again later")

    def _create(self, request: Request) -> bool:
        """Creates the region, unless one has appeared by now."""
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
        return True

    def _take_over(self, region: _files.RegionFile, request: Request) -> None:
        header = region.header
        if not request.replace or request.type.accepts(header.kind, region.document):
            codec_for(header.kind, region.document, header.fingerprint)  # otherwise it is replaced, whatever it is
            request.type.check(header.kind, region.document)
        ring = OwnRing(region.map, header, self._boot)
        is_sound = ring.find_head()
        planned, document = plan(header, region.document, request)
        old = OwnFile(header, region.descriptor, region.document, ring, region.status)
        mode = request.mode or region.status.st_mode & 0o777
        same_boot = _files.is_same_boot(header.boot_id, self._boot)
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
        self._compare_at = time.monotonic_ns() + _NAME_NS

    def _check_file(self) -> None:
        """Raises Gone as `_check_names` does; Damaged, and Gone from then on, if the file was emptied."""
        self._check_names()
        if self._ring.state != OPEN:
            fault = "its file was emptied while this writer had it open"
            self._why_not = f"{fault}; open another one, under another name"
            raise Damaged(fault)

    def _check_names(self) -> None:
        """Raises Gone, from then on, if the region's or the lock's name leads to another file."""
        location, lock = self._location, self._lock
        if location.identity(location.file) != self._own.identity or (
            lock is not None and location.identity(location.lock_file) != lock.identity
        ):
            self._why_not = "it was removed or replaced while this writer had it open; open another writer"
            raise Gone(self._why_not)
        self._compare_at = time.monotonic_ns() + _NAME_NS

    # Files

    def _grow(self, payload: Payload) -> int:
        header = self._own.header
        capacity = max(_format.round_up(len(payload), 8), 2 * header.capacity)
        planned = fewer_slots(with_fields(header, capacity=capacity))
        with _files.system_errors():
            mode = self._own.status.st_mode & 0o777
            self._replace(self._own, planned, self._own.document, self._ring.epoch, mode, payload)
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
        """Replaces `old` by another file with its newest values, and with `payload` as the next one. Section 16."""
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
        new = create_file(self._location, header, descriptor, document, mode, old.status.st_gid)
        self._exchange = Exchange(old, new, old.ring.state == CLOSED)
        try:
            copied: list[int] = []
            if is_same_type:
                copied = copy_values(old.ring, new.ring, header.slots - (payload is not None))
            newest, oldest = (copied[0], copied[-1]) if copied else (head, head + 1)
            new.ring.begin(newest, oldest, epoch if keeps_lineage else 1, self._started_ns, os.getpid())
            new.ring.head = head  # numbers go on after it, even if its value could not be copied
            if payload is not None:
                new.ring.publish(payload)
            self._check_names()
            self._exchange.change_state(MOVING)
            self._location.rename(self._location.new_file, self._location.file)
            self._discarded += 0 if is_same_type else old.ring.retained(head)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Ends an exchange of files, also after a signal or an error: the name says which one is the region now."""
        exchange, location = self._exchange, self._location
        if exchange is None:
            return
        if location.identity(location.file) == exchange.new.identity:
            self._use(exchange.new)
            exchange.change_state(MOVED)
        else:
            exchange.change_state(CLOSED if exchange.was_closed else OPEN)
            if location.identity(location.new_file) == exchange.new.identity:
                location.remove_new_file()
        self._exchange = None


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _forget_all() -> None:
    for writer in list(_writers):
        writer._forget()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
