"""The exceptions of the package: one class for each case that a program may want to handle differently."""

from __future__ import annotations


class Error(Exception):
    """Base class of all errors of this package.

    The text states what was being done to which region, what is wrong, and what to do about it.
    """

    #: Words that every fault of a class begins with.
    _beginning = ""
    #: The advice of errors that give none themselves.
    _advice = ""
    _is_complete = False

    def __init__(self, fault: str = "", advice: str = "") -> None:
        super().__init__(fault)
        self._advice = advice or self._advice

    def during(self, action: str, advice: str = "") -> Error:
        """For this package only: puts `action` ("cannot open region 'demo'") before the fault, and the advice after it.

        `advice` replaces the error's own advice. Only the first call has an effect. Returns the error itself, so that
        it can be raised without a variable: one that refers to the error would keep it and its traceback alive, and
        with them the files that are open in the traceback's frames.
        """
        if not self._is_complete:
            self._is_complete = True
            advice = advice or self._advice
            fault = f"{self._beginning}{self}"
            self.args = (_printable(f"{action}: {fault}; {advice}" if advice else f"{action}: {fault}"),)
        return self


def _printable(text: str) -> str:
    """Escapes line breaks, control characters and surrogates, which a path or the `repr` of a value can contain."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class BadName(Error, ValueError):
    """The name breaks the rules for region names. Also a built-in `ValueError`."""

    _advice = "use a name of 1 to 200 of the characters A-Z a-z 0-9 . _ - that does not begin with . or -"


class BadOption(Error, ValueError):
    """An argument has an impossible value, or does not apply to this region. Also a built-in `ValueError`."""


class BadType(BadOption, TypeError):
    """An argument has the wrong type, or an object is copied that cannot be. Also a built-in `TypeError`."""


def not_copied(what: str, name: str, advice: str) -> BadType:
    """For this package only: returns the error for an object that cannot be copied."""
    error = BadType(f"{what} cannot be copied or pickled", advice)
    error.during(f"cannot use region {name!r}")
    return error


class NotFound(Error):
    """No region has this name, or its directory does not exist."""


class NotARegion(Error):
    """The file of this name is not a region. It was not changed."""

    _advice = "choose another name"


class UnknownFormat(Error):
    """The region uses a format version, a feature or a kind of value that this package does not know."""

    _advice = "use a newer version of shm"


class Damaged(Error):
    """The contents of the region contradict each other."""

    _beginning = "it is damaged: "
    _advice = "find out which program changed its file, or choose another name"

    #: Whether only one value is damaged, so that a reader can continue after it.
    is_of_one_value = False

    @classmethod
    def value(cls, fault: str, advice: str = "") -> Damaged:
        """For this package only: returns the error for one damaged value."""
        error = cls(fault, advice)
        error.is_of_one_value = True
        return error


class TypeMismatch(Error):
    """The region holds values of another kind or type. The text names the first difference."""


class BadValue(Error, ValueError):
    """The value does not fit the region's kind or type. Also a built-in `ValueError`."""


class TooLarge(Error):
    """The region or value is larger than a limit."""

    _advice = "choose another name"


class Busy(Error):
    """The writer overwrote every value while it was being read."""

    _advice = "try again, or give the region more slots"


class Empty(Error):
    """The region contains no value yet."""

    _advice = "wait for one with recv()"


class TimedOut(Error, TimeoutError):
    """No value arrived within the timeout. Also a built-in `TimeoutError`."""


class Ended(Error):
    """The writer closed the region, and the reader has received all values."""

    _advice = "use follow() to wait for the next writer"


class WriterAlive(Error):
    """The region already has a writer. A region has one writer at a time."""

    _advice = "stop that writer, or choose another name"


class NotOurs(Error):
    """The region's file or its lock file belongs to another user, has a second name, or is writable by others."""

    _advice = "choose another name"


class Gone(Error):
    """The region was removed, or the writer can no longer publish: it was closed, or its region was replaced."""


class Unsupported(Error):
    """The processor, the Python interpreter or the file system lacks something that regions need."""
