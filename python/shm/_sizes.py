"""How many slots a region has and how large they are, in a new region and after it has grown.

The rules and numbers are those of the Rust library, so it does not matter which writer creates a region.
"""

from __future__ import annotations

from ._format import round_up

DEFAULT_SLOTS = 64
_DEFAULT_CAPACITY = 4096
# With its head and a checksum, a slot of this size takes two cache lines.
_LEAST_CAPACITY = 96
# Growing halves the number of slots until all slots together fit this many bytes, but not below _FEWEST_SLOTS.
_MANY_BYTES = 64 << 20
_FEWEST_SLOTS = 4
# If even these need more bytes than this, 2 slots are left, the smallest number.
_HUGE_BYTES = 256 << 20
# A slot grows to at least twice its size, unless the value that needs it is longer than this.
_DOUBLED_BYTES = 32 << 20


def default_capacity(slots: int | None) -> int:
    """Returns how many bytes a slot of a new region with this number of slots holds by default."""
    capacity = DEFAULT_SLOTS * _DEFAULT_CAPACITY // (slots or DEFAULT_SLOTS)
    return round_up(min(max(capacity, _LEAST_CAPACITY), _DEFAULT_CAPACITY), 8)


def grown_slots(slots: int, old_capacity: int, capacity: int) -> int:
    """Returns how many slots of `capacity` bytes replace `slots` slots of `old_capacity` bytes."""
    many = max(_MANY_BYTES, slots * max(old_capacity, _DEFAULT_CAPACITY))
    while slots > _FEWEST_SLOTS and slots * capacity > many:
        slots //= 2
    while 2 < slots <= _FEWEST_SLOTS and slots * capacity > max(many, _HUGE_BYTES):
        slots //= 2
    return slots


def grown_capacity(capacity: int, length: int) -> int:
    """Returns the new capacity of slots of `capacity` bytes after a value of `length` bytes did not fit."""
    return round_up(length if length > _DOUBLED_BYTES else max(length, 2 * capacity), 8)
