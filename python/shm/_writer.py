"""Writer: a region's life, from making it to removing it. FORMAT.md, sections 11 to 19. x86-64 only."""

from __future__ import annotations

import atexit
import mmap
import os
import resource
import secrets
import time
import weakref
from dataclasses import dataclass, replace
from typing import Any

from . import _files, _format, _linux
from ._errors import Damaged, Error, Gone, NotFound, TooLarge, Unsupported
from ._format import CLOSED, HEADER_BYTES, KINDS, MOVED, MOVING, OPEN, Header
from ._lock import Lock
from ._ring import WHOLE, OwnRing
from ._values import Payload, codec_for
from ._wanted import Wanted, ask, fewer_slots, plan

_NAME_NS = 50_000_000  # how often the names are compared
_TRIES = 100  # at a region that comes and goes


@dataclass
class _Own:
    """A region's file while this process holds the lock."""

    header: Header
    descriptor: bytes
    document: bytes | None
    ring: OwnRing
    status: os.stat_result

    @property
    def identity(self) -> tuple[int, int]:
        return self.status.st_dev, self.status.st_ino


@dataclass
class _Exchange:
    """A file that is being replaced by another one."""

    old: _Own
    new: _Own
    was_closed: bool

    def change_state(self, state: int) -> None:
        """Of the old file. A closed one of another boot stays closed, which is what makes its values believable."""
        if not self.was_closed or self.old.header.boot_id == self.new.header.boot_id:
            self.old.ring.change_state(state)


class Writer:
    """The one writer of a region: makes it, or goes on behind the last writer's values.

    What is not given stays as found, or is the default: kind "bytes", 64 slots of 4096 bytes (fewer of large arrays),
    mode 0o600, no checksums. `dtype` and `shape` make it a region of arrays, `schema` (a document of FORMAT.md,
    section 22, as JSON in bytes or str, or parsed) one of values of a type. `size` is room for a value in bytes; it
    grows with larger values. A region of another kind or schema is replaced by an empty one, one with other slots, a
    smaller size or other checksums by one that keeps what fits.

    A writer is for one thread at a time. In a forked child it refuses to work. Close it, or use it in a `with`, so
    that readers know that nothing comes any more.

    Errors: BadName, WriterAlive, NotOurs, NotARegion, UnknownFormat, Damaged, TooLarge, Unsupported.
    """

    _lock: Lock | None = None  # also where the arguments were no good

    def __init__(
        self,
        name: str | os.PathLike[str],
        kind: str | None = None,
        *,
        dtype: Any = None,
        shape: tuple[int, ...] | list[int] | None = None,
        schema: Any = None,
        slots: int | None = None,
        size: int | None = None,
        mode: int | None = None,
        checksum: bool | None = None,
    ) -> None:
        self._why_not = ""  # it cannot publish any more
        self._exchange: _Exchange | None = None  # not None between calls only if a signal came at a bad time
        if not _linux.ORDERED:
            raise Unsupported("Python can write shared memory on x86-64 only: elsewhere it cannot order its stores")
        wanted = ask(kind, dtype, shape, schema, slots, size, mode, checksum)
        self._place = _files.Place(name)
        try:
            with _files.system_errors():
                _files.check_local(self._place.directory)
                self._lock = Lock(self._place)
                try:
                    self._start(wanted)
                except BaseException:
                    lock, self._lock = self._lock, None
                    lock.clean_up(failed=True)
                    lock.free()
                    raise
        except Error as error:
            error.during(f"cannot write region {self._place.name!r}")
            raise
        _writers.add(self)

    # Publishing

    def publish(self, value: Any) -> int:
        """Makes `value` the newest one, and returns its number. Readers never see a part of it.

        Errors: BadValue and TooLarge, before anything has changed; Gone, also if that is noticed just behind it.
        """
        if self._why_not:
            raise Gone(f"cannot publish to region {self.name!r}: {self._why_not}")
        try:
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
            error.during(f"cannot publish to region {self.name!r}")
            raise

    @property
    def name(self) -> str:
        return self._place.name

    @property
    def kind(self) -> str:
        """"bytes", "text", "json", "array" or "bincode"."""
        return KINDS[self._own.header.kind]

    @property
    def sequence(self) -> int:
        """Number of the newest value, of this writer or one before; 0 before the first."""
        return self._ring.head

    def close(self) -> None:
        """Tells readers that nothing comes any more, until the next writer. The region and its values stay."""
        if self._lock is None:
            return
        self._settle()
        lock, self._lock = self._lock, None
        self._why_not = self._why_not or "its writer is closed; make another one"
        self._ring.change_state(CLOSED)  # also of a file that is gone: its readers have reached the end
        lock.clean_up()
        lock.free()

    def remove(self) -> None:
        """Closes, and removes the region. Readers keep what they have mapped, and have then reached the end."""
        if self._lock is None or self._why_not:
            raise Gone(f"cannot remove region {self.name!r}: {self._why_not}")
        try:
            with _files.system_errors():
                self._settle()
                self._check_names()
                self._ring.change_state(CLOSED)
                self._place.remove_new_file()
                self._place.unlink(self._place.file)
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
        self._why_not = "it belongs to the process that made it; make a writer in the child"
        if self._lock is not None:
            self._lock.forget()
            self._lock = None

    # Starting

    def _start(self, wanted: Wanted) -> None:
        self._boot = _files.boot_id()
        self._started_ns = time.time_ns()
        self._place.remove_new_file()
        for _ in range(_TRIES):
            try:
                region = _files.open_region(self._place, _format.LARGEST_REGION, writable=True)
            except NotFound:
                if self._create(wanted):
                    return
            else:
                self._take_over(region, wanted)
                return
        raise Error("it comes and goes all the time; try again")

    def _create(self, wanted: Wanted) -> bool:
        """Makes the region, unless one has appeared by now."""
        planned, document = plan(None, None, wanted)
        header = replace(planned, boot_id=self._boot, created_ns=time.time_ns())
        made = self._make(header, _format.descriptor_of(document), document, wanted.mode or 0o600, None)
        try:
            made.ring.begin(0, 1, 1, self._started_ns, os.getpid())
            _linux.rename_new(self._place.directory, self._place.new_file, self._place.file)
        except FileExistsError:
            return False
        finally:
            self._place.remove_new_file()
        self._use(made)
        return True

    def _take_over(self, region: _files.RegionFile, wanted: Wanted) -> None:
        header = region.header
        if wanted.kind in (None, header.kind) and wanted.document in (None, region.document):
            codec_for(header.kind, region.document, header.fingerprint)  # else it is replaced, whatever it is
        ring = OwnRing(region.map, header, self._boot)
        is_sound = ring.find_head()
        planned, document = plan(header, region.document, wanted)
        old = _Own(header, region.descriptor, region.document, ring, region.status)
        mode = wanted.mode or region.status.st_mode & 0o777
        if is_sound and planned == header and header.boot_id == self._boot:
            if region.status.st_mode & 0o777 != mode:
                old.status = self._change_mode(mode)
            ring.take_over(self._started_ns, os.getpid())
            self._use(old)
        else:
            self._replace(old, planned, document, (ring.epoch + 1) % (1 << 64), mode, None)

    def _change_mode(self, mode: int) -> os.stat_result:
        descriptor = self._place.open(self._place.file, os.O_RDONLY)
        try:
            os.fchmod(descriptor, mode)
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _use(self, own: _Own) -> None:
        self._own = own
        self._ring = own.ring
        self._capacity = own.header.capacity
        self._codec = codec_for(own.header.kind, own.document, own.header.fingerprint)
        self._compare_at = time.monotonic_ns() + _NAME_NS

    def _check_file(self) -> None:
        """Raises Gone as `_check_names`; Damaged, for good, if the file was emptied."""
        self._check_names()
        if self._ring.state != OPEN:
            self._why_not = "its file was emptied under its writer; remove it"
            raise Damaged(self._why_not)

    def _check_names(self) -> None:
        """Raises Gone, for good, if the region's or the lock's name leads elsewhere."""
        place, lock = self._place, self._lock
        if place.identity(place.file) != self._own.identity or (
            lock is not None and place.identity(place.lock_file) != lock.identity
        ):
            self._why_not = "it was removed or replaced under its writer; make another one"
            raise Gone(self._why_not)
        self._compare_at = time.monotonic_ns() + _NAME_NS

    # Files

    def _make(
        self, header: Header, descriptor: bytes, document: bytes | None, mode: int, group: int | None
    ) -> _Own:
        """A complete file, named `new_file` of its place, but for what `OwnRing.begin` sets."""
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = _format.LARGEST_REGION
        if header.region_bytes > min(limit, _format.LARGEST_REGION):
            raise TooLarge(f"it would have {header.region_bytes} bytes; use fewer slots, or see ulimit -f")
        file = self._place.create_new_file()
        try:
            _linux.fallocate(file, header.region_bytes)
            os.pwrite(file, header.pack(), 0)
            _write_all(file, descriptor, HEADER_BYTES)
            if group is not None and os.fstat(file).st_gid != group:
                os.fchown(file, -1, group)
            os.fchmod(file, mode)
            mapping = mmap.mmap(file, header.region_bytes, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
            return _Own(header, descriptor, document, OwnRing(mapping, header, self._boot), os.fstat(file))
        except BaseException:
            self._place.remove_new_file()
            raise
        finally:
            os.close(file)

    def _grow(self, payload: Payload) -> int:
        header = self._own.header
        capacity = max(_format.round_up(len(payload), 8), 2 * header.capacity)
        planned = fewer_slots(replace(header, capacity=capacity))
        with _files.system_errors():
            mode = self._own.status.st_mode & 0o777
            self._replace(self._own, planned, self._own.document, self._ring.epoch, mode, payload)
        return self._ring.head

    def _replace(
        self,
        old: _Own,
        planned: Header,
        document: bytes | None,
        epoch: int,
        mode: int,
        payload: Payload | None,
    ) -> None:
        """Puts another file in the place of `old`, with its newest values, and with `payload` as the next one.

        The steps of section 16.
        """
        self._own = old
        self._check_names()
        old.ring.catch_up()
        head, first = old.ring.head, old.ring.first
        is_same_type = planned.kind == old.header.kind and document == old.document
        keeps_lineage = head == first - 1 or _believed(old.ring, head)
        header = replace(
            planned,
            lineage=old.header.lineage if keeps_lineage else secrets.token_bytes(16),
            file_number=old.header.file_number + 1 if keeps_lineage else 1,
            boot_id=self._boot,
            created_ns=time.time_ns(),
        )
        descriptor = old.descriptor if is_same_type else _format.descriptor_of(document)
        new = self._make(header, descriptor, document, mode, old.status.st_gid)
        self._exchange = _Exchange(old, new, old.ring.state == CLOSED)
        try:
            copied: list[int] = []
            if is_same_type:
                copied = _copy(old.ring, new.ring, header.slots - (payload is not None))
            newest, oldest = (copied[0], copied[-1]) if copied else (head, head + 1)
            new.ring.begin(newest, oldest, epoch if keeps_lineage else 1, self._started_ns, os.getpid())
            new.ring.head = head  # numbers go on behind it, also if what it stands for could not be copied
            if payload is not None:
                new.ring.publish(payload)
            self._check_names()
            self._exchange.change_state(MOVING)
            self._place.rename(self._place.new_file, self._place.file)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Ends an exchange of files, whatever happened, a signal perhaps: the name says which one is the region now."""
        exchange, place = self._exchange, self._place
        if exchange is None:
            return
        if place.identity(place.file) == exchange.new.identity:
            self._use(exchange.new)
            exchange.change_state(MOVED)
        else:
            exchange.change_state(CLOSED if exchange.was_closed else OPEN)
            if place.identity(place.new_file) == exchange.new.identity:
                place.remove_new_file()
        self._exchange = None


def _copy(old: OwnRing, new: OwnRing, count: int) -> list[int]:
    """Copies at most `count` of the newest values, from `head` back; returns their numbers, the newest one first."""
    copied = []
    for number in range(old.head, max(0, old.first - 1, old.head - count, old.head - old.header.slots), -1):
        if _believed(old, number):
            if len(old.payload) > new.header.capacity:
                break
            new.store(number, old.payload, old.time)
            copied.append(number)
    return copied


def _believed(ring: OwnRing, number: int) -> bool:
    try:
        return number > 0 and ring.look(number) == WHOLE  # an unused slot looks like that of number 0
    except Damaged:
        return False


def _write_all(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _forget_all() -> None:
    for writer in list(_writers):
        writer._forget()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
