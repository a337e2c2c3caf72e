"""The writers of this process: closing them when it ends, and giving them up in a forked child."""

from __future__ import annotations

import atexit
import os
import sys
import time
import weakref
from contextlib import suppress
from typing import Any

_PATIENCE_SECONDS = 1  # for a thread that is publishing when the process ends

_writers: weakref.WeakSet[Any] = weakref.WeakSet()
_worker = 0  # the process whose writers `multiprocessing` closes


def register(writer: Any) -> None:
    """Adds an open writer. If `multiprocessing` is loaded, it closes the writer: workers do not always run `atexit`."""
    global _worker
    _writers.add(writer)
    util = sys.modules.get("multiprocessing.util")
    if util is not None and _worker != os.getpid():
        _worker = os.getpid()
        util.Finalize(None, _close_all, exitpriority=0)


def _close_all() -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for writer in list(_writers):
        with suppress(Exception):  # the others are closed nevertheless
            writer.close()
            while not writer.closed and time.monotonic() < deadline:
                time.sleep(0.001)
                writer.close()


def _close_at_exit() -> None:
    if _worker != os.getpid():
        _close_all()


def _forget_all() -> None:
    for writer in list(_writers):
        writer._forget()


atexit.register(_close_at_exit)
os.register_at_fork(after_in_child=_forget_all)
