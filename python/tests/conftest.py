"""Fixtures and helpers: a separate directory for each test, the two programs, and waiting with a deadline."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shm

DEADLINE_SECONDS = 20


@pytest.fixture(autouse=True)
def region_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHM_DIR", str(tmp_path))
    return tmp_path


def until(condition: Callable[[], Any]) -> Any:
    """Calls `condition` until it returns something true, and returns that."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < end, "the condition did not become true in time"
        time.sleep(0.001)
    return result


def available(reader: shm.Reader) -> Iterator[Any]:
    """Receives all values that have been published, without waiting for more."""
    with contextlib.suppress(shm.TimedOut, shm.Ended):
        while True:
            yield reader.try_recv()


def retained(name: str = "r") -> list[tuple[int, Any]]:
    """Returns the number and value of everything that can still be read from a region."""
    with shm.Reader(name, start="oldest") as reader:
        return [(reader.sequence, value) for value in available(reader)]


def publish(writer: shm.Writer, *values: Any) -> None:
    for value in values:
        writer.publish(value)


def poke(path: Path, at: int, layout: str, *values: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(struct.pack("<" + layout, *values))


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # closing flushes unwritten data
                pipe.close()


class Programs:
    """Runs shm-writer and shm-reader, which are in the directory $SHM_PROGRAMS or in the PATH."""

    def __init__(self) -> None:
        directory = os.environ.get("SHM_PROGRAMS")
        self.paths = {name: shutil.which(name, path=directory) for name in ("shm-writer", "shm-reader")}
        self.children: list[subprocess.Popen[str]] = []

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        path = self.paths[name]
        assert path
        pipe = subprocess.PIPE
        child = subprocess.Popen([path, *arguments], stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1)
        self.children.append(child)
        return child

    def run(self, name: str, *arguments: str, expect: int = 0) -> str:
        child = self.start(name, *arguments)
        out, err = child.communicate("", timeout=DEADLINE_SECONDS)
        assert child.returncode == expect, f"{name} {arguments}: {child.returncode} {err}"
        return out

    def writer(self, *arguments: str, expect: int = 0) -> str:
        return self.run("shm-writer", *arguments, expect=expect)

    def reader(self, *arguments: str, expect: int = 0) -> str:
        return self.run("shm-reader", *arguments, expect=expect)


@pytest.fixture
def programs() -> Iterator[Programs]:
    programs = Programs()
    if not all(programs.paths.values()):
        pytest.skip("NOT TESTED: shm-writer and shm-reader are neither in $SHM_PROGRAMS nor in the PATH")
    yield programs
    for child in programs.children:
        end(child)


@pytest.fixture
def python() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a process that runs Python code with `shm` imported. Its output can be read line by line."""
    children = []

    def start(code: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        child = subprocess.Popen(
            [sys.executable, "-u", "-c", "import shm, os, sys, time\n" + code], stdin=pipe, stdout=pipe, text=True
        )
        children.append(child)
        return child

    yield start
    for child in children:
        end(child)
