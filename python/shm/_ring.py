"""The protocol on the slots, both sides: what may be trusted, and in which order. FORMAT.md, 9, 10, 13 to 15.

No files, names or kinds. `memoryview.cast("Q")` and `cast("I")` load and store a whole field at once, see `_linux`;
the interpreter keeps the order of the program, and x86-64 that of loads and of stores.
"""

from __future__ import annotations

import mmap
import time

from . import _linux
from ._errors import Busy, Damaged, Error
from ._format import (
    BELL_HALF, CLOSED, EPOCH_WORD, FIRST_WORD, FLAG_CHECKSUM, HEAD_WORD, HEADER_BYTES, LARGEST_NUMBER, LENGTH_MASK,
    OPEN, PID_HALF, STARTED_WORD, STATE_HALF, STATES, Header, checksum,
)  # fmt: skip

WHOLE, NOT_YET, OVERWRITTEN, AGAIN = range(4)
_TRIES = 64
_STEPS = 4096  # over numbers that were left out, in each try: a hostile ring may have 2^34 slots


class Cursor:
    """The number that a reader wants next, and how many it had to skip since the last value."""

    __slots__ = ("next", "lost")

    def __init__(self, number: int) -> None:
        self.next = number
        self.lost = 0

    def skip_to(self, number: int) -> None:
        if number > self.next:
            self.lost += number - self.next
            self.next = number


class Ring:
    """The slots of one mapped file, for reading. Everything in them may change at any time, or be wrong."""

    def __init__(
        self, mapping: mmap.mmap, header: Header, present_boot: int, copies_are_mutable: bool = False
    ) -> None:
        self.header = header
        self.map = mapping  # never closed explicitly: views may outlive the reader
        self.data = memoryview(mapping)
        self.words = self.data.cast("Q")
        self.halves = self.data[:HEADER_BYTES].cast("I")
        self.bell_address = _linux.address_of(mapping) + 4 * BELL_HALF
        self.first = self.words[FIRST_WORD]  # set once, before the file got its name
        #: Whether values without a checksum can be trusted. After a reboot, a file may be only partly written.
        self.trusted = header.boot_id in (0, present_boot) or present_boot == 0 or self.state == CLOSED
        self.copies_are_mutable = copies_are_mutable
        self._is_plain = not header.checksums and self.trusted and not copies_are_mutable
        #: Payload and time of the value for which `read` last returned WHOLE.
        self.payload: bytes | bytearray | memoryview = b""
        self.time = 0
        self._slots = header.slots
        self._mask = header.slots - 1
        self._start_word = header.slots_start // 8
        self._stride_words = header.stride // 8
        self._payload_offset = header.payload_offset
        self._capacity = header.capacity
        self._checksums = header.checksums

    def slot_word(self, number: int) -> int:
        """Index of the stamp of value `number`."""
        return self._start_word + (number & self._mask) * self._stride_words

    def read(self, number: int, in_place: bool = False) -> int:
        """One attempt to read value `number`. If it returns WHOLE, `payload` and `time` belong to that value."""
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
            raise Damaged(f"value {number} has {length} bytes, but its slot holds only {self._capacity}")
        if self._checksums:
            if not length_word & FLAG_CHECKSUM or found != checksum(number, length_word, payload):
                if in_place and words[at] != stamp:
                    return OVERWRITTEN
                if not _linux.ORDERED:
                    return AGAIN  # the checksum is all that shows a mixture of two values there
                raise Damaged(f"value {number} has a wrong checksum, or none")
        elif not self.trusted:
            raise Damaged(
                f"value {number} was written before the last boot, without a checksum, and may be incomplete",
                "wait for its next writer, or use another name",
            )
        self.payload = payload
        self.time = published or time.time_ns()
        return WHOLE

    def _of_another(self, stamp: int, number: int) -> int:
        if stamp == 0:
            return NOT_YET
        if not self._is_possible(stamp, number):
            raise Damaged(f"the slot of value {number} has stamp {stamp}, which belongs to another slot")
        return NOT_YET if stamp < 2 * number else OVERWRITTEN

    def _is_possible(self, stamp: int, number: int) -> bool:
        """Whether the value of `stamp` belongs in the slot of `number`."""
        owner = (stamp + 1) // 2
        return owner <= LARGEST_NUMBER and owner & self._mask == number & self._mask

    def latest_if_simple(self, due: int) -> int:
        """`latest` for the usual case, in one piece because calls cost most. 0 if this is another case."""
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
        """The number of the newest value, which `read` has read; 0 if there is none yet.

        The head is stored after the value, so it may be older than what the reader has received. A reader whose next
        value is `due` gets the one before that, or a later one.
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
                raise Damaged(f"its newest value has number {head}, and its first one {self.first}")
            if head == 0 or head > LARGEST_NUMBER:
                raise Damaged(f"its newest value has the impossible number {head}")
            status = self.read(head, in_place)
            if status == WHOLE:
                return head
            if status == NOT_YET and _linux.ORDERED:
                raise Damaged(f"its header names value {head} as the newest, but its slot does not hold it")
        raise Busy("its writer is too fast to read a whole value, or a value is damaged")

    def recv(self, cursor: Cursor) -> bool:
        """Whether there was a next value, which `read` has read. The cursor has then moved past it."""
        for _ in range(_TRIES):
            number = cursor.next
            if not 0 < number <= LARGEST_NUMBER:
                raise Damaged(f"its next value has the impossible number {number}")
            status = self.read(number)
            if status == NOT_YET:
                head = self.words[HEAD_WORD]
                if head < number:
                    return False
                status = self.read(number)  # it may have become whole just before the writer stored the head
                if status == NOT_YET and head > number:
                    self._pass_left_out(cursor, head)
                elif status == NOT_YET and _linux.ORDERED:
                    raise Damaged(f"its header names value {head} as the newest, but its slot does not hold it")
            if status == WHOLE:
                cursor.next = number + 1
                return True
            if status == OVERWRITTEN:
                self._lapped(cursor)
        raise Busy("its writer is too fast to read a whole value, or a value is damaged")

    def _lapped(self, cursor: Cursor) -> None:
        head = self.words[HEAD_WORD]
        if not cursor.next <= head <= LARGEST_NUMBER:
            raise Damaged(f"its newest value is {head}, but value {cursor.next} was overwritten")
        # The middle of the ring: at the oldest value, the writer would overtake the reader again immediately.
        cursor.skip_to(max(cursor.next + 1, head - self._slots // 2))

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
            raise Damaged(f"its state has the impossible number {state}, as if its file had been emptied")

    def oldest(self) -> int:
        """The number of the oldest value that can still be read; that of the next one while there is none."""
        head = self.words[HEAD_WORD]
        oldest = max(self.first, head - (self._slots - 1))
        if oldest <= head and self.words[self.slot_word(oldest)] > 2 * oldest:
            oldest += 1  # it is being overwritten
        return oldest

    def retained(self, head: int) -> int:
        """How many values can still be read, if the newest one has number `head`."""
        return max(0, head - max(self.first, head - self._slots + 1) + 1)

    def wait(self, seen: int, watch: bool, seconds: float) -> None:
        """Waits until the bell is no longer `seen`, for at most `seconds`. May return early.

        With `watch`, it polls for the region's `spin_ns` before it sleeps. The writer relies on that.
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
    """The slots of a file whose lock this process has. It counts values and bells itself, and reads neither back."""

    def __init__(self, mapping: mmap.mmap, header: Header, present_boot: int) -> None:
        super().__init__(mapping, header, present_boot)
        self.head = 0
        self.bell = self.halves[BELL_HALF]
        self._before_last = self._last = -(1 << 62)  # clock readings: the first two publications always wake
        self._in_use = False

    def begin(self, head: int, first: int, epoch: int, started_ns: int, pid: int) -> None:
        """Sets the fields of a new file's writer. The file has no name yet, so nobody sees in which order."""
        self.first = self.words[FIRST_WORD] = first
        self.head = self.words[HEAD_WORD] = head
        self.halves[STATE_HALF] = OPEN
        self._tenure(epoch, started_ns, pid)

    def find_head(self) -> bool:
        """Sets `head` to where the last writer ended, and returns whether the ring can be used.

        A ring that contradicts itself needs to be replaced. `head` is then the highest number that it ever showed.
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
                raise Damaged("its numbers are used up", "use another name")
        self.head = head
        return sound

    def catch_up(self) -> None:
        """Moves `head` past values that were whole when a signal or death kept the writer from storing it."""
        for _ in range(self._slots):
            number = self.head + 1
            if self.words[self.slot_word(number)] != 2 * number:
                break
            self.head = number

    def take_over(self, started_ns: int, pid: int) -> None:
        """Starts to write after `head`, which `find_head` has set."""
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
        """Makes a value of at most `capacity` bytes the newest one, and returns its number."""
        is_mine = False
        try:
            if self._in_use:
                raise Error("another thread, or the code that a signal interrupted, is publishing; use a lock")
            self._in_use = is_mine = True
            self.catch_up()
            number = self.head + 1
            if number > LARGEST_NUMBER:
                raise Damaged("its numbers are used up", "use another name")
            self.store(number, payload, 0)
            self.words[HEAD_WORD] = self.head = number
            self._ring_bell()
            now = time.monotonic_ns()
            self.words[self.slot_word(number) + 2] = time.time_ns()
            if now - self._before_last >= self.header.spin_ns / 2:
                _linux.futex_wake(self.bell_address)
            self._before_last, self._last = self._last, now
        finally:
            if is_mine:
                self._in_use = False
        return number

    def store(self, number: int, payload: bytes | bytearray | memoryview, published: int) -> None:
        """Stores a whole value in its slot, without making it the newest one."""
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
