"""What can go wrong, one class for each thing that a program may want to handle differently."""

from __future__ import annotations


class Error(Exception):
    """Anything that went wrong with a region. The text says which region, what is wrong and what to do."""

    _is_placed = False

    def during(self, doing: str) -> None:
        """Puts `doing` ("cannot open region 'demo'") before the text, once: the innermost caller knows best."""
        if not self._is_placed:
            self._is_placed = True
            self.args = (f"{doing}: {self}",)


class BadName(Error):
    """A name outside the rules."""


class NotFound(Error):
    """There is no region of this name."""


class NotARegion(Error):
    """The name leads to something that is not a region; it was left alone."""


class UnknownFormat(Error):
    """A region of another version, or with features or of a kind that this version does not know."""


class Damaged(Error):
    """The region, or one of its values, contradicts itself."""


class TypeMismatch(Error):
    """The region holds another kind or type than the one that was asked for."""


class BadValue(Error):
    """A value that is not what the region's kind or schema says."""


class TooLarge(Error):
    """The region or value is larger than a limit."""


class Busy(Error):
    """The writer is so fast that no value could be read whole. Try again."""


class WriterAlive(Error):
    """The region has a living writer."""


class NotOurs(Error):
    """The region or its lock belongs to another user, has a second name, or may be written by others."""


class Gone(Error):
    """The region was removed or replaced under its writer."""


class Unsupported(Error):
    """This processor, Python or file system cannot do what is needed."""
