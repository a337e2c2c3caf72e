"""Provoking errors: the directory of a test, and what the other `provoke_` modules share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shm


@dataclass
class Place:
    """The directory of a test, in which the region is called "r"."""

    directory: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def file(self) -> Path:
        return self.directory / "r"

    def replace(self, owner: object, name: str, value: object) -> None:
        self.monkeypatch.setattr(owner, name, value)

    def environ(self, name: str, value: str) -> None:
        self.monkeypatch.setenv(name, value)


Act = Callable[[Place], object]


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_: object, **__: object) -> None:
        raise error

    return function


def refusing(number: int) -> Callable[..., Any]:
    """A system call that fails with this error."""
    return raising(OSError(number, os.strerror(number)))


def text_writer(**options: Any) -> shm.Writer:
    return shm.Writer("r", "text", **options)


LINE: Any = {"TYPENAME": "T"}
READING = {"STRUCT": [{"room": "STR"}, {"celsius": "F64"}]}
