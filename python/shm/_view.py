"""View: a value that is read in place, without a copy."""

from __future__ import annotations

from typing import Any

from ._errors import BadType, not_copied
from ._ring import Ring


class View:
    """A value in the region's own memory, read-only. `Reader.view` returns it.

    The writer may overwrite the value at any time. Therefore work with `data` first, then call `is_whole`, and use
    your result only if it returns True:

        with reader.view() as view:
            mean = view.data.mean()
            if view.is_whole():
                print(mean)

    The memory stays mapped while `data` is in use, even after the reader was closed or the region was removed.

    Attributes:
        data: The value: a memoryview of its bytes, or a NumPy array for a region of arrays if NumPy is installed.
            None after the `with` block.
        sequence: The value's number.
        time: When the value was published, in nanoseconds since 1970.
    """

    __slots__ = ("data", "sequence", "time", "_words", "_stamp_word", "_stamp", "_name")

    def __init__(self, data: Any, sequence: int, ring: Ring, name: str) -> None:
        if not isinstance(ring, Ring):
            raise BadType("its arguments come only from Reader.view", "call that method").during("cannot create a view")
        self.data = data
        self.sequence = sequence
        self.time = ring.time
        self._words = ring.words
        self._stamp_word = ring.slot_word(sequence)
        self._stamp = 2 * sequence
        self._name = name

    def is_whole(self) -> bool:
        """Returns whether the value was still unchanged at this moment.

        If it returns True, everything that you have read from `data` so far belongs to this one value. If it returns
        False, the writer has begun to overwrite it, and you must discard what you read.
        """
        return self._words[self._stamp_word] == self._stamp

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise not_copied("a view", self._name, "copy its data, and then check is_whole()")

    def __enter__(self) -> View:
        return self

    def __exit__(self, *_: object) -> None:
        self.data = None
