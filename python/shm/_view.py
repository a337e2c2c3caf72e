"""View: a value in place, without a copy."""

from __future__ import annotations

from typing import Any

from ._ring import Ring


class View:
    """A value in the region's own memory, read-only.

    The writer may overwrite it at any time. So use `data` first, then call `is_whole`, and keep what you computed only
    if it returns True. The memory stays mapped while `data` is in use, even when the reader or the region is gone.
    """

    __slots__ = ("data", "sequence", "time", "_words", "_stamp_word")

    def __init__(self, data: Any, sequence: int, ring: Ring) -> None:
        #: A memoryview or, for an array where NumPy is installed, an ndarray.
        self.data = data
        #: The value's number.
        self.sequence = sequence
        #: When it was published, in nanoseconds since 1970.
        self.time = ring.time
        self._words = ring.words
        self._stamp_word = ring.slot_word(sequence)

    def is_whole(self) -> bool:
        """Whether everything read from `data` until now belongs to this one value."""
        return self._words[self._stamp_word] == 2 * self.sequence

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        self.data = None
