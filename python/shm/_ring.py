"""The protocol on the slots, for readers and writers. FORMAT.md, sections 9, 10 and 13 to 15.

This module depends on no files, names or kinds of values. `memoryview.cast("Q")` and `cast("I")` load and store a
whole field in one access (see `_linux`). The interpreter executes loads and stores in program order, and x86-64 keeps
loads in order and stores in order.
"""

from __future__ import annotations

import mmap
import time

from . import _linux
from ._errors import Busy, Damaged
from ._format import (
    BELL_HALF, CLOSED, EPOCH_WORD, FIRST_WORD, FLAG_CHECKSUM, HEAD_WORD, HEADER_BYTES, LARGEST_NUMBER, LENGTH_MASK,
    OPEN, PID_HALF, STARTED_WORD, STATE_HALF, STATES, Header, checksum,
)  # fmt: skip

WHOLE, NOT_YET, OVERWRITTEN, AGAIN = range(4)
_TRIES = 64  # attempts to read a value that the writer overwrites
_STEPS = 4096  # the most skipped numbers to step over in each attempt: a hostile ring can have 2^34 slots


class Cursor:
    """The number of the value that a reader wants next, and how many values it has missed since the last one."""

    __slots__ = ("next", "lost")

    def __init__(self, number: int) -> None:
        self.next = number
        self.lost = 0

    def skip_to(self, number: int) -> None:
        if number > self.next:
            self.lost += number - self.next
            self.next = number


class Ring:
    """The slots of one mapped file, for reading. Other processes may change their contents at any time."""

    def __init__(
        self, mapping: mmap.mmap, header: Header, present_boot: int, copies_are_mutable: bool = False
    ) -> None:
        self.header = header
        self.map = mapping  # never closed explicitly, because a view may exist longer than the reader
        self.data = memoryview(mapping)
        self.words = self.data.cast("Q")
        self.halves = self.data[:HEADER_BYTES].cast("I")
        self.bell_address = _linux.address_of(mapping) + 4 * BELL_HALF
        self.first = self.words[FIRST_WORD]  # constant from the moment the file has its name
        #: Whether values without a checksum can be trusted. A file from before a reboot may be incomplete.
        self.trusted = header.boot_id in (0, present_boot) or present_boot == 0 or self.state == CLOSED
        self.copies_are_mutable = copies_are_mutable
        self._is_plain = not header.checksums and self.trusted and not copies_are_mutable
        #: The payload of the value for which `read` last returned WHOLE; `time` is when that value was published.
        self.payload: bytes | bytearray | memoryview = b""
        self.time = 0
        self._slots = header.slots
        self._mask = header.slots - 1
        self._start_word = header.slots_start // 8
        self._stride_words = header.stride // 8
        self._payload_offset = header.payload_offset
        self._capacity = header.capacity
        self._checksums = header.checksums

    def taken(self) -> bytes | bytearray | memoryview:
        """Returns the payload that was read last, and keeps no reference to it."""
        payload, self.payload = self.payload, b""
        return payload

    def slot_word(self, number: int) -> int:
        """Returns the index (in words) of the stamp of value `number`."""
        return self._start_word + (number & self._mask) * self._stride_words

    def read(self, number: int, in_place: bool = False) -> int:
        """Tries once to read value `number`. After it returned WHOLE, `payload` and `time` belong to that value."""
        words = self.words
        at = self._start_word + (number & self._mask) * self._stride_words
        stamp = words[at]
        if stamp != 2 * number:
            return self._of_another(stamp, number)
        length_word = words[at + 1]
        published = words[at + 2]
        length = length_word & LENGTH_MASK
        if length <= self._capacity:
            start = at * 8 + self._payload_offset
            if in_place:
                payload: bytes | bytearray | memoryview = self.data[start : start + length]
            elif self.copies_are_mutable:
                payload = bytearray(self.data[start : start + length])
            else:
                payload = self.map[start : start + length]
            if self._checksums:
                found = words[(start + length + 7) // 8]
        if words[at] != stamp:
            return OVERWRITTEN
        if length > self._capacity:
            raise self._slot_fault(f"value {number} has {length} bytes, but its slot holds only {self._capacity}", number)
        if self._checksums:
            if not length_word & FLAG_CHECKSUM or found != checksum(number, length_word, payload):
                if in_place and words[at] != stamp:
                    return OVERWRITTEN
                if not _linux.ORDERED:
                    return AGAIN  # without ordered loads, only the checksum detects a mixture of two values
                raise Damaged.value(f"value {number} has a wrong or missing checksum")
        elif not self.trusted:
            raise Damaged.value(
                f"value {number} was written before the last boot, has no checksum, and may be incomplete",
                "wait until a writer opens the region again, or choose another name",
            )
        self.payload = payload
        self.time = published or time.time_ns()
        return WHOLE

    def _of_another(self, stamp: int, number: int) -> int:
        if stamp == 0:
            return NOT_YET
        if not self._is_possible(stamp, number):
            fault = f"the slot of value {number} contains stamp {stamp}, which belongs in another slot"
            raise self._slot_fault(fault, number)
        return NOT_YET if stamp < 2 * number else OVERWRITTEN

    def _slot_fault(self, fault: str, number: int) -> Damaged:
        """Returns the error for an impossible slot. If value `number` was published, only that value is damaged."""
        return Damaged.value(fault) if number <= self.words[HEAD_WORD] else Damaged(fault)

    def _is_possible(self, stamp: int, number: int) -> bool:
        """Returns whether the value with this stamp belongs in the slot of value `number`."""
        owner = (stamp + 1) // 2
        return owner <= LARGEST_NUMBER and owner & self._mask == number & self._mask

    def check_first(self) -> None:
        """Raises Damaged if the number of the first value is impossible. It never changes, and the head only grows."""
        head = self.words[HEAD_WORD]
        if not 1 <= self.first <= head + 1:
            raise Damaged(f"its header names value {head} as the newest, but value {self.first} as the first")

    def latest_if_simple(self, due: int) -> int:
        """Does the work of `latest` for the usual case, and returns 0 in all other cases.

        It makes no further calls, because calls would take most of the time.
        """
        words = self.words
        head = words[HEAD_WORD]
        at = self._start_word + (head & self._mask) * self._stride_words
        stamp = words[at]
        if stamp != 2 * head or not self.first <= head <= LARGEST_NUMBER or head + 1 < due or not self._is_plain:
            return 0
        length = words[at + 1] & LENGTH_MASK
        published = words[at + 2]
        if length > self._capacity:
            return 0
        start = at * 8 + self._payload_offset
        payload = self.map[start : start + length]
        if words[at] != stamp or not published:
            return 0
        self.payload = payload
        self.time = published
        return head

    def latest(self, due: int, in_place: bool = False) -> int:
        """Reads the newest value and returns its number, or 0 if the region contains no value yet.

        The writer stores the head after the value. The head can therefore be older than a value that the reader has
        already received. If the reader's next value is `due`, the result is never older than `due - 1`.
        """
        for _ in range(_TRIES):
            head = self.words[HEAD_WORD]
            if head < due - 1 <= LARGEST_NUMBER:
                status = self.read(due - 1, in_place)
                if status == WHOLE:
                    return due - 1
                if status == OVERWRITTEN:
                    continue
            if head == self.first - 1:
                return 0
            if head < self.first:
                self.check_first()
            if head == 0 or head > LARGEST_NUMBER:
                raise Damaged(f"its header names the impossible number {head} as the newest value")
            status = self.read(head, in_place)
            if status == WHOLE:
                return head
            if status == NOT_YET and _linux.ORDERED:
                raise Damaged(f"its header names value {head} as the newest, but it is missing from its slot")
        raise Busy("its writer overwrites each value before it can be copied, or a value is damaged")

    def recv(self, cursor: Cursor) -> bool:
        """Reads the next value and moves the cursor past it. Returns False if it is not published yet."""
        for _ in range(_TRIES):
            number = cursor.next
            if not 0 < number <= LARGEST_NUMBER:
                raise Damaged(f"the next value would have number {number}, beyond the last one, {LARGEST_NUMBER}")
            status = self.read(number)
            if status == NOT_YET:
                head = self.words[HEAD_WORD]
                if head < number:
                    return False
                status = self.read(number)  # the value may have become complete just before the writer stored the head
                if status == NOT_YET and head > number:
                    self._pass_left_out(cursor, head)
                elif status == NOT_YET and _linux.ORDERED:
                    raise Damaged(f"its header names value {head} as the newest, but it is missing from its slot")
            if status == WHOLE:
                cursor.next = number + 1
                return True
            if status == OVERWRITTEN:
                self._lapped(cursor)
        raise Busy("its writer overwrites each value before it can be copied, or a value is damaged")

    def _lapped(self, cursor: Cursor) -> None:
        head = self.words[HEAD_WORD]
        if not cursor.next <= head <= LARGEST_NUMBER:
            raise Damaged(f"its header names value {head} as the newest, but value {cursor.next} was overwritten")
        # Continue in the middle of the ring. The writer would overtake a reader at the oldest value immediately.
        cursor.skip_to(max(cursor.next + 1, head - self._slots // 2))

    def pass_damaged(self, cursor: Cursor) -> None:
        """Continues after a damaged value, which does not count as lost.

        A damaged head can name any number of values. The ring retains no more of them than it has slots.
        """
        cursor.next += 1
        cursor.skip_to(max(self.words[HEAD_WORD] - (self._slots - 1), self.first))

    def _pass_left_out(self, cursor: Cursor, head: int) -> None:
        cursor.skip_to(max(head - (self._slots - 1), self.first))
        number = cursor.next
        end = min(head, number + _STEPS)
        while number < end and self.words[self.slot_word(number)] < 2 * number:
            number += 1
        cursor.skip_to(number)

    @property
    def state(self) -> int:
        return self.halves[STATE_HALF]

    def check_state(self) -> None:
        state = self.state
        if state not in STATES:
            raise Damaged(f"its header contains the impossible state {state}, as if its file had been emptied")

    def oldest(self) -> int:
        """Returns the number of the oldest value that can still be read, or of the next value if there is no value."""
        head = self.words[HEAD_WORD]
        oldest = max(self.first, head - (self._slots - 1))
        if oldest <= head and self.words[self.slot_word(oldest)] > 2 * oldest:
            oldest += 1  # the writer is overwriting this value
        return oldest

    def retained(self, head: int) -> int:
        """Returns how many values can still be read if the newest one has number `head`."""
        return max(0, head - max(self.first, head - self._slots + 1) + 1)

    def wait(self, seen: int, watch: bool, seconds: float) -> None:
        """Waits for at most `seconds` until the bell differs from `seen`. May return early.

        With `watch`, it polls the bell for the region's `spin_ns` before it sleeps. The writer relies on this polling:
        it does not wake readers after values that follow each other quickly.
        """
        start = now = time.monotonic_ns()
        end = start + int(seconds * 1e9)
        if watch:
            while now - start < self.header.spin_ns:
                if self.halves[BELL_HALF] != seen or now >= end:
                    return
                now = time.monotonic_ns()
        if now < end:
            _linux.futex_wait(self.bell_address, seen, (end - now) / 1e9)


class OwnRing(Ring):
    """The slots of a file whose lock this process has.

    It keeps its own counts of values and bells, and never reads them back from the file.
    """

    def __init__(self, mapping: mmap.mmap, header: Header, present_boot: int) -> None:
        super().__init__(mapping, header, present_boot)
        self.head = 0
        self.bell = self.halves[BELL_HALF]
        self._before_last = self._last = -(1 << 62)  # clock readings: the first two values always wake the readers

    def begin(self, head: int, first: int, epoch: int, started_ns: int, pid: int) -> None:
        """Sets the fields that describe the writer of a new file.

        The file has no name yet, so no reader can see in which order they are stored.
        """
        self.first = self.words[FIRST_WORD] = first
        self.head = self.words[HEAD_WORD] = head
        self.halves[STATE_HALF] = OPEN
        self._tenure(epoch, started_ns, pid)

    def find_head(self) -> bool:
        """Sets `head` to the last writer's newest value, and returns whether the ring is consistent.

        An inconsistent ring must be replaced. `head` is then the highest number that readers can have seen in it.
        """
        head = self.words[HEAD_WORD]
        sound = head < LARGEST_NUMBER and 0 < self.first <= head + 1
        if sound and head >= self.first:
            sound = self.words[self.slot_word(head)] == 2 * head
        if sound:
            self.head = head
            self.catch_up()
            head = self.head
            stamp = self.words[self.slot_word(head + 1)]
            sound = stamp == 0 or (stamp <= 2 * (head + 1) and self._is_possible(stamp, head + 1))
        if not sound:
            for slot in range(self._slots):
                stamp = self.words[self.slot_word(slot)]
                if self._is_possible(stamp, slot):
                    head = max(head, stamp // 2)
            if head >= LARGEST_NUMBER:
                raise Damaged("its sequence numbers are used up", "choose another name")
        self.head = head
        return sound

    def catch_up(self) -> None:
        """Moves `head` past complete values that were stored just before a signal or death stopped the writer."""
        for _ in range(self._slots):
            number = self.head + 1
            if self.words[self.slot_word(number)] != 2 * number:
                break
            self.head = number

    def take_over(self, started_ns: int, pid: int) -> None:
        """Begins to write after `head`, which `find_head` has set."""
        self.words[HEAD_WORD] = self.head
        self._tenure((self.epoch + 1) % (1 << 64), started_ns, pid)
        self.change_state(OPEN)

    @property
    def epoch(self) -> int:
        return self.words[EPOCH_WORD]

    def _tenure(self, epoch: int, started_ns: int, pid: int) -> None:
        self.words[EPOCH_WORD] = epoch
        self.words[STARTED_WORD] = started_ns
        self.halves[PID_HALF] = pid

    def publish(self, payload: bytes | bytearray | memoryview) -> int:
        """Publishes a value of at most `capacity` bytes, and returns its number."""
        self.catch_up()
        number = self.head + 1
        if number > LARGEST_NUMBER:
            raise Damaged("its sequence numbers are used up", "choose another name")
        self.store(number, payload, 0)
        self.words[HEAD_WORD] = self.head = number
        self._ring_bell()
        now = time.monotonic_ns()
        self.words[self.slot_word(number) + 2] = time.time_ns()
        if now - self._before_last >= self.header.spin_ns / 2:
            _linux.futex_wake(self.bell_address)
        self._before_last, self._last = self._last, now
        return number

    def store(self, number: int, payload: bytes | bytearray | memoryview, published: int) -> None:
        """Stores a complete value in its slot, but does not change the head."""
        words = self.words
        at = self.slot_word(number)
        length = len(payload)
        length_word = length | FLAG_CHECKSUM if self._checksums else length
        words[at] = 2 * number - 1
        _linux.store_fence()
        words[at + 1] = length_word
        words[at + 2] = published
        start = at * 8 + self._payload_offset
        fill = -length % 8
        if fill:
            words[(start + length) // 8] = 0
        self.map[start : start + length] = payload
        if self._checksums:
            words[(start + length + fill) // 8] = checksum(number, length_word, payload)
        words[at] = 2 * number

    def change_state(self, state: int) -> None:
        self.halves[STATE_HALF] = state
        self._ring_bell()
        _linux.futex_wake(self.bell_address)

    def _ring_bell(self) -> None:
        self.bell = (self.bell + 1) & 0xFFFFFFFF
        self.halves[BELL_HALF] = self.bell
