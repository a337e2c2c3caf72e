"""What can go wrong: one class for each case that a program may want to handle differently."""

from __future__ import annotations


class Error(Exception):
    """Base class of all errors. The text says what was being done to which region, what is wrong and what to do."""

    _advice = ""
    _is_complete = False

    def __init__(self, fault: str = "", advice: str = "") -> None:
        super().__init__(fault)
        self._advice = advice or self._advice

    def during(self, action: str, advice: str = "") -> None:
        """Completes the text with what was being done ("cannot open region 'demo'") and what to do. Works once."""
        if not self._is_complete:
            self._is_complete = True
            advice = advice or self._advice
            self.args = (f"{action}: {self}; {advice}" if advice else f"{action}: {self}",)


class BadName(Error):
    """The name breaks the rules for names of regions."""


class NotFound(Error):
    """No region has this name."""


class NotARegion(Error):
    """The name belongs to something that is not a region. It was not changed."""


class UnknownFormat(Error):
    """The region has another version of the format, or features or a kind that this package does not know."""


class Damaged(Error):
    """The region or one of its values contradicts itself."""

    _advice = "find out which program wrote to its file, or use another name"


class TypeMismatch(Error):
    """The region holds values of another kind or type. The text names the first difference."""


class BadValue(Error):
    """The value does not fit the region's kind or type."""


class TooLarge(Error):
    """The region or value is larger than a limit."""


class Busy(Error):
    """The writer is so fast that no value could be read whole. Try again."""

    _advice = "try again, or give the region more slots"


class Empty(Error):
    """The region has no value yet."""


class TimedOut(Error, TimeoutError):
    """No value came in time. Also a built-in `TimeoutError`."""


class Ended(Error):
    """The writer closed the region, and the reader has received everything."""


class WriterAlive(Error):
    """The region has a living writer, and a region has only one."""


class NotOurs(Error):
    """The region or its lock file belongs to another user, has a second name, or can be written by others."""


class Gone(Error):
    """The writer is closed, or its region was removed or replaced."""


class Unsupported(Error):
    """This processor, Python or file system lacks something that shared memory needs."""
