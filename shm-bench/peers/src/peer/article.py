"""Two programs that share a named file in the simplest way: each maps it and polls until a flag has changed."""

import mmap
import os
import signal
import statistics
import struct
import sys
import time

role, work, path = sys.argv[1:4]
cpu, size, millis = map(int, sys.argv[4:])
os.sched_setaffinity(0, [cpu])
# A process that has lost its partner would wait forever.
signal.alarm(60)

NAP = 0.001
EMPTY, QUESTION, ANSWER, END = range(4)
# The flag, 7 unused bytes, and the message.
TEXT = 8
duration = millis / 1000
warm_up = duration / 3


def open_block():
    """Opens the block. The program that starts first creates it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(descriptor, TEXT + size)
    return mmap.mmap(descriptor, TEXT + size)


def stamped(number):
    """Returns a message with the number in its first and its last word."""
    word = struct.pack("<Q", number)
    return word if size == 8 else word + bytes(size - 16) + word


def number_of(message):
    """Returns the number of a message, or None if the message is torn."""
    return struct.unpack_from("<Q", message)[0] if message[:8] == message[-8:] else None


def wait_for(*flags):
    """Sleeps until the flag has one of these values."""
    while block[0] not in flags:
        time.sleep(NAP)
    return block[0]


def ask():
    """Sends messages and waits for each to come back."""
    number, times = 0, []
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < warm_up + duration or not times:
        if work == "idle-round-trip":
            time.sleep(0.001)
        number += 1
        begin = time.perf_counter()
        block[TEXT:] = stamped(number)
        block[0] = QUESTION
        wait_for(ANSWER)
        message = block[TEXT:]
        end = time.perf_counter()
        assert number_of(message) == number
        if now - start > warm_up:
            times.append(end - begin)
    block[0] = END
    print(statistics.median(times) * 1e9, 0)


def answer():
    """Sends each message back."""
    while wait_for(QUESTION, END) == QUESTION:
        message = block[TEXT:]
        assert number_of(message) is not None
        block[TEXT:] = message
        block[0] = ANSWER


def read():
    """Reads the message repeatedly."""
    wait_for(QUESTION)
    batch = 1000 if work == "latest-same" else 1
    times, torn, count = [], 0, 0
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < warm_up + duration or not times:
        begin = time.perf_counter()
        for _ in range(batch):
            message = block[TEXT:]
            torn += message[:8] != message[-8:]
        end = time.perf_counter()
        count += batch
        if now - start > warm_up:
            times.append((end - begin) / batch)
    block[0] = END
    print(statistics.median(times) * 1e9, torn / count)


def write():
    """Writes one message, or one message after another."""
    number = 0
    block[TEXT:] = stamped(number)
    block[0] = QUESTION
    while block[0] != END:
        if work == "latest-same":
            time.sleep(NAP)
        else:
            number += 1
            block[TEXT:] = stamped(number)


block = open_block()
if work.startswith("latest"):
    read() if role == "drive" else write()
else:
    ask() if role == "drive" else answer()
