"""Performs the operations of block/tests/python.rs on Python's mmap.

Reads one case per line, as JSON, and replies to each with one line of outcomes.
Bytes are strings of the characters 0 to 255. The first line of the output is the version of Python.
"""

import json
import mmap
import os
import platform
import sys

PATH = sys.argv[1]
ACCESS = {"Read": mmap.ACCESS_READ, "Write": mmap.ACCESS_WRITE, "Copy": mmap.ACCESS_COPY}
FLAGS = {
    "Read": (mmap.MAP_SHARED, mmap.PROT_READ),
    "Write": (mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE),
    "Copy": (mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE),
}
ADVICE = [mmap.MADV_NORMAL, mmap.MADV_RANDOM, mmap.MADV_SEQUENTIAL, mmap.MADV_WILLNEED, mmap.MADV_DONTNEED]


def start(a):
    return 0 if a is None else a


def end(b):
    return sys.maxsize if b is None else b


def seek(m, distance, whence):
    m.seek(distance, whence)
    return m.tell()


def resize(m, length, is_cleared):
    # When shared anonymous memory grows again, the added bytes are zero in Block. In Python they have their old values.
    if is_cleared and 0 < length < len(m):
        m[length:] = bytes(len(m) - length)
    m.resize(length)


# The arguments: the map, three numbers, bytes, and whether to clear bytes before they are cut off.
CALLS = {
    "close": lambda m, a, b, c, s, _: m.close(),
    "is_closed": lambda m, a, b, c, s, _: m.closed,
    "len": lambda m, a, b, c, s, _: len(m),
    "size": lambda m, a, b, c, s, _: m.size(),
    "tell": lambda m, a, b, c, s, _: m.tell(),
    "seek_start": lambda m, a, b, c, s, _: seek(m, a, os.SEEK_SET),
    "seek_current": lambda m, a, b, c, s, _: seek(m, a, os.SEEK_CUR),
    "seek_end": lambda m, a, b, c, s, _: seek(m, a, os.SEEK_END),
    "read": lambda m, a, b, c, s, _: m.read(a),
    "read_byte": lambda m, a, b, c, s, _: m.read_byte(),
    "readline": lambda m, a, b, c, s, _: m.readline(),
    "write": lambda m, a, b, c, s, _: m.write(s),
    "write_byte": lambda m, a, b, c, s, _: m.write_byte(s[0]),
    "byte_at": lambda m, a, b, c, s, _: m[a],
    "set_byte": lambda m, a, b, c, s, _: m.__setitem__(a, s[0]),
    "get": lambda m, a, b, c, s, _: m[a:b],
    "set": lambda m, a, b, c, s, _: m.__setitem__(slice(a, b), s),
    "find": lambda m, a, b, c, s, _: m.find(s, start(a), end(b)),
    "rfind": lambda m, a, b, c, s, _: m.rfind(s, start(a), end(b)),
    "move": lambda m, a, b, c, s, _: m.move(a, b, c),
    "resize": lambda m, a, b, c, s, is_cleared: resize(m, a, is_cleared),
    "flush": lambda m, a, b, c, s, _: m.flush(a, b),
    "madvise": lambda m, a, b, c, s, _: m.madvise(ADVICE[c], a, b),
}


def open_map(case):
    how = {"access": ACCESS[case["access"]]}
    if case["by_flags"]:
        how = dict(zip(("flags", "prot"), FLAGS[case["access"]]))
    content = case["content"].encode("latin-1")
    if case["is_anonymous"]:
        m = mmap.mmap(-1, len(content), **how)
        if case["access"] != "Read":
            m[:] = content
        return m
    with open(PATH, "wb") as file:
        file.write(content)
    file = os.open(PATH, os.O_RDWR if case["access"] == "Write" else os.O_RDONLY)
    try:
        return mmap.mmap(file, case["length"], offset=case["offset"], **how)
    finally:
        os.close(file)


def outcome(m, is_cleared, method, a, b, c, text):
    answer = error = None
    try:
        answer = CALLS[method](m, a, b, c, text.encode("latin-1"), is_cleared)
    except Exception as raised:
        error = repr(raised)
    if isinstance(answer, bytes):
        answer = answer.decode("latin-1")
    position, length = (None, None) if m.closed else (m.tell(), len(m))
    return {"answer": answer, "error": error, "position": position, "len": length}


def reply(case):
    is_anonymous = case["is_anonymous"]
    is_cleared = is_anonymous and case["access"] == "Write"
    m = open_map(case)
    outcomes = [outcome(m, is_cleared, *call) for call in case["calls"]]
    content = None if m.closed else m[:].decode("latin-1")
    m.close()
    file = None
    if not is_anonymous:
        with open(PATH, "rb") as opened:
            file = opened.read().decode("latin-1")
    return {"outcomes": outcomes, "map": content, "file": file}


def say(line):
    sys.stdout.buffer.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    sys.stdout.buffer.flush()


say([platform.python_implementation(), *sys.version_info[:2]])
for line in sys.stdin.buffer:
    say(reply(json.loads(line)))
