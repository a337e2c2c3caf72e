"""Measures how long each call takes: the median of many runs of many calls. Run it on an otherwise idle machine.

    python bench.py
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

import shm

RUNS = 51


def measure(what: str, call: Callable[[], Any], calls: int) -> None:
    """Prints the mean time of a call: its median over all runs, and its minimum."""
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter_ns()
        for _ in range(calls):
            call()
        runs.append((time.perf_counter_ns() - start) / calls)
    print(f"{what:44} {statistics.median(runs) / 1000:9.2f} us   fastest {min(runs) / 1000:9.2f} us")


def main() -> None:
    print(f"Python {sys.version.split()[0]}, {RUNS} runs")
    measure("an empty call, contained in all others", lambda: None, 20000)
    small = shm.Writer("small", "bytes")
    small.publish(bytes(64))
    reader = shm.Reader("small")
    measure("latest(), 64 bytes", reader.latest, 20000)
    measure("view(), 64 bytes", reader.view, 10000)

    def receive_nothing() -> None:
        with contextlib.suppress(shm.TimedOut):
            reader.try_recv()

    receive_nothing()  # receives the newest value, so that later calls find nothing new
    measure("try_recv(), nothing new", receive_nothing, 5000)
    measure("publish(), 64 bytes", lambda: small.publish(b"x" * 64), 5000)

    def round_trip() -> None:
        small.publish(b"x" * 64)
        reader.recv(0)

    measure("publish() and recv(), 64 bytes", round_trip, 5000)

    checked = shm.Writer("checked", "bytes", checksum=True)
    checked.publish(bytes(64))
    measure("latest(), 64 bytes with a checksum", shm.Reader("checked").latest, 10000)

    document = {
        "type": {"TYPENAME": "Reading"},
        "types": {"Reading": {"STRUCT": [{"room": "STR"}, {"celsius": "F64"}, {"at": {"TUPLE": ["F64", "F64"]}}]}},
    }
    typed = shm.Writer("typed", schema=document)
    value = {"room": "kitchen", "celsius": 21.5, "at": [1.0, -2.0]}
    typed.publish(value)
    measure("latest(), a struct of 4 fields", shm.Reader("typed").latest, 5000)
    measure("publish(), a struct of 4 fields", lambda: typed.publish(value), 5000)

    array = shm.Writer("array", dtype="<f4", shape=(512, 512))
    data: Any = bytes(1 << 20)
    array.publish(data)
    reader = shm.Reader("array")
    measure("view(), an array of 1 MiB", reader.view, 10000)
    measure("latest(), an array of 1 MiB", reader.latest, 50)
    measure("publish(), an array of 1 MiB", lambda: array.publish(data), 50)
    measure_wake()


def measure_wake() -> None:
    """Measures the time from publish() to the answer of a reader that slept in another process."""
    there = shm.Writer("there", "bytes")
    if os.fork() == 0:
        with shm.Writer("echo", "bytes") as echo, shm.Reader("there", start="new") as reader:
            echo.publish(b"ready")
            while reader.recv(5) == b"go":
                echo.publish(b"on")
        os._exit(0)
    echoes = shm.Reader("echo", open_timeout=5, start="oldest")
    echoes.recv(5)
    times = []
    for _ in range(500):
        time.sleep(0.002)  # until both processes sleep
        start = time.perf_counter_ns()
        there.publish(b"go")
        echoes.recv(5)
        times.append(time.perf_counter_ns() - start)
    there.publish(b"end")
    os.wait()
    print(f"{'to a sleeping process and back':44} {statistics.median(times) / 1000:9.2f} us")


if __name__ == "__main__":
    assert threading.active_count() == 1  # `measure_wake` forks
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        os.environ["SHM_DIR"] = directory
        main()
