"""Provokes every error that publishing or receiving a value can cause."""

from __future__ import annotations

import array
import copy
import ctypes
import math
import os
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import shm
from conftest import poke
from provoke import LINE, READING, Act, Place, raising, text_writer
from shm import _codec, _files, _format, _ring, _values

# Publishing


def publish(value: Any, **options: Any) -> Act:
    def act(p: Place) -> None:
        with shm.Writer("r", **options) as writer:
            writer.publish(value)

    return act


def typed(form: Any, value: Any, **types: Any) -> Act:
    return publish(value, schema={"type": form, "types": types})


def a_closed_writer(p: Place) -> None:
    writer = text_writer()
    writer.close()
    writer.publish("")


def removed_twice(p: Place) -> None:
    writer = text_writer()
    writer.remove()
    writer.remove()


def a_removed_region(p: Place) -> None:
    with text_writer() as writer:
        p.file.unlink()
        writer.publish("x" * 9000)


def an_emptied_file(p: Place, twice: bool = False) -> None:
    with text_writer() as writer:
        poke(p.file, 384, "I", 0)
        writer._compare_at = 0
        if twice:
            with pytest.raises(shm.Damaged):
                writer.publish("x")
        writer.publish("x")


def in_two_threads(p: Place) -> None:
    with text_writer() as writer:
        writer._in_use = True
        writer.publish("x")


def in_a_forked_child(p: Place) -> None:
    writer = text_writer()
    writer._forget()
    writer.publish("x")


def without_numbers(p: Place) -> None:
    with text_writer() as writer:
        writer._ring.head = 1 << 62
        writer.publish("x")


def without_numbers_from_the_start(p: Place) -> None:
    text_writer().close()
    poke(p.file, 392, "Q", 1 << 62)
    shm.Writer("r")


# Reading


def an_empty_region(p: Place) -> None:
    with text_writer():
        shm.Reader("r").latest()


def no_value_in_time(p: Place) -> None:
    with text_writer():
        shm.Reader("r").recv(0.01)


def no_value_now(p: Place) -> None:
    with text_writer():
        shm.Reader("r").try_recv()


def a_closed_region(p: Place) -> None:
    text_writer().close()
    shm.Reader("r").recv()


def a_closed_reader(p: Place) -> None:
    with text_writer():
        reader = shm.Reader("r")
        reader.close()
        reader.recv()


def ring(at: int | str, value: int, use: Callable[[shm.Reader], object], **options: Any) -> Act:
    """Reads a region of one value in which a word was changed: at an offset in the file, or in the first value's slot."""

    def act(p: Place) -> None:
        with text_writer(slots=2, **options) as writer:
            writer.publish("abc")
            slot = 8 * writer._ring.slot_word(1)
        at_ = at if isinstance(at, int) else slot + {"stamp": 0, "length": 8, "payload": 24}[at]
        poke(p.file, at_, "Q", value)
        use(shm.Reader("r", start=1))

    return act


def at_value_1(reader: shm.Reader) -> object:
    reader._cursor.next = 1
    return reader.recv()


def reading_a_removed_region(use: Callable[[shm.Reader], object]) -> Act:
    def act(p: Place) -> None:
        with text_writer(), shm.Reader("r") as reader:
            p.file.unlink()
            reader._compare_at = 0
            use(reader)

    return act


def without_memory_for_a_copy(p: Place) -> None:
    with text_writer() as writer, shm.Reader("r") as reader:
        writer.publish("x")
        reader._decode = raising(MemoryError())
        reader.recv(0)


def a_file_that_is_cut_short(p: Place) -> None:
    with text_writer(), shm.Reader("r") as reader:
        size = p.file.stat().st_size
        os.truncate(p.file, 16384)
        reader._compare_at = 0
        try:
            reader.recv(0)
        finally:
            os.truncate(p.file, size)


def reading_in_two_threads(p: Place) -> None:
    with text_writer(), shm.Reader("r") as reader:
        reader._in_use = True
        reader.recv(0)


def a_next_value_beyond_the_last_number(p: Place) -> None:
    text_writer().close()
    reader = shm.Reader("r")
    reader._cursor.next = (1 << 62) + 1
    reader.recv()


def a_value_from_before_the_last_boot(p: Place) -> None:
    writer = text_writer()
    writer.publish("abc")
    writer._forget()
    boot = _files.boot_id()
    p.replace(_files, "boot_id", lambda: boot ^ 1)
    p.replace(_files, "is_in_memory", lambda descriptor: False)
    shm.Reader("r").latest()


def a_state_that_does_not_exist(p: Place) -> None:
    text_writer().close()
    poke(p.file, 384, "I", 0)
    shm.Reader("r").recv()


def a_writer_that_is_too_fast(p: Place) -> None:
    with text_writer() as writer:
        writer.publish("abc")
        p.replace(_ring.Ring, "read", lambda self, number, in_place=False: _ring.OVERWRITTEN)
        shm.Reader("r").view()


def a_value_that_is_always_overwritten(p: Place) -> None:
    with text_writer() as writer:
        writer.publish("abc")
        reader = shm.Reader("r")
        writer._ring.words[_format.HEAD_WORD] = 1 << 61
        p.replace(_ring.Ring, "read", lambda self, number, in_place=False: _ring.OVERWRITTEN)
        reader.recv(0)


def payload(data: bytes, use: Callable[[shm.Reader], object] = shm.Reader.recv, **options: Any) -> Act:
    """Reads a payload that does not fit the region."""

    def act(p: Place) -> None:
        with shm.Writer("r", **options) as writer:
            writer._ring.publish(data)
            use(shm.Reader("r"))

    return act


def typed_payload(form: Any, data: str, **types: Any) -> Act:
    return payload(bytes.fromhex(data), schema={"type": form, "types": types})


def on_a_deep_stack(p: Place) -> None:
    p.replace(_codec.Source, "decode", raising(RecursionError()))
    typed_payload("U8", "01")(p)


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


class RaisingDict(dict[str, int]):
    def items(self) -> Any:
        raise KeyError("secret")


def published_before(first: Any, value: Any) -> Act:
    def act(p: Place) -> None:
        with shm.Writer("r") as writer:
            writer.publish(first)
            writer.publish(value)

    return act


def without_memory(p: Place) -> None:
    p.replace(_values._Text, "encode", raising(MemoryError()))
    publish("x", kind="text")(p)


def copied(use: Callable[[shm.Reader], object]) -> Act:
    def act(p: Place) -> None:
        with text_writer() as writer:
            writer.publish("x")
            copy.copy(use(shm.Reader("r")))

    return act


def a_copied_writer(p: Place) -> None:
    with text_writer() as writer:
        copy.copy(writer)


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
ENUM = {"0": {"Off": "UNIT"}, "1": {"On": {"NEWTYPE": "U8"}}}


def list_of_depth(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


ACTS: list[Act] = [
    # Publishing
    a_closed_writer,
    removed_twice,
    a_removed_region,
    an_emptied_file,
    lambda p: an_emptied_file(p, twice=True),
    in_two_threads,
    in_a_forked_child,
    without_numbers,
    without_numbers_from_the_start,
    publish(5),
    publish(5, kind="text"),
    publish("\ud800", kind="text"),
    publish({"a": {1, 2}}, kind="json"),
    publish({(1, 2): 3}, kind="json"),
    publish(math.nan, kind="json"),
    publish("\ud800", kind="json"),
    publish(CIRCLE, kind="json"),
    publish(10**5000, kind="json"),
    publish({1: "a", "1": "b"}, kind="json"),
    publish(1 << 64, kind="json"),
    publish([1.0, 2.0], dtype="<f4", shape=(2,)),
    publish(array.array("d", [1, 2]), dtype="<f4", shape=(2,)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(2,)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(3, 1)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(0, 2)),
    publish(b"abc", dtype="<f4", shape=(2,)),
    publish(b"abc", dtype="<f4", shape=(0, 2)),
    publish(b"\1\2", dtype="|b1", shape=(2,)),
    publish(numpy.array([1, "a"], object), kind="bytes"),
    publish(numpy.array(["a"]), dtype="<f4", shape=(2,)),
    publish(numpy.zeros(2, "M8[s]")),
    publish(numpy.zeros(2, "u1,f4"), kind="bincode"),
    publish(numpy.zeros(2, "g"), kind="bytes"),
    publish(numpy.zeros(2, ">f4"), dtype="<f4", shape=(2,)),
    publish(numpy.zeros(2, ">f4")),
    publish(numpy.zeros(2, ">f4")[:, None][:0]),
    publish(numpy.zeros((2, 0))),
    publish(numpy.ma.array([1.0, 2.0], mask=[0, 1]), dtype="<f8", shape=(2,)),
    publish(numpy.rec.array([1.0, 2.0]), kind="bytes"),
    publish(numpy.zeros(2, "u1"), dtype="<f4", shape=(2,)),
    publish((ctypes.c_void_p * 2)()),
    publish(released(), kind="bytes"),
    publish(5),
    published_before(b"x", numpy.zeros(2)),
    publish([RaisingDict(a=1)], kind="json"),
    without_memory,
    copied(lambda reader: reader),
    copied(iter),
    copied(shm.Reader.view),
    a_copied_writer,
    typed("UNIT", 0),
    typed("BOOL", 1),
    typed("U8", 300),
    typed("F32", "1.5"),
    typed("CHAR", "ab"),
    typed("STR", 5),
    typed("STR", "\ud800"),
    typed("BYTES", "text"),
    typed("BYTES", memoryview(array.array("d", [1]))),
    typed({"SEQ": "U8"}, "text"),
    typed({"TUPLE": ["U8", "U8"]}, 5),
    typed({"TUPLE": ["U8", "U8", "STR"]}, [1, 2]),
    typed({"TUPLEARRAY": {"CONTENT": "U8", "SIZE": 3}}, [1, 2]),
    typed({"TUPLEARRAY": {"CONTENT": "U8", "SIZE": 3}}, 1),
    typed({"MAP": {"KEY": "STR", "VALUE": "U8"}}, [1]),
    typed({"MAP": {"KEY": "F32", "VALUE": "U8"}}, 5),
    typed({"MAP": {"KEY": "F32", "VALUE": "U8"}}, [[1.0]]),
    typed(LINE, 5, T=READING),
    typed(LINE, {"room": "kitchen"}, T=READING),
    typed(LINE, {"room": "kitchen", "celsius": 1.0, "kelvin": 1.0}, T=READING),
    typed(LINE, {"room": "kitchen", "celsius": "warm"}, T=READING),
    typed(LINE, "Broken", T={"ENUM": ENUM}),
    typed(LINE, list_of_depth(200), T={"NEWTYPESTRUCT": {"SEQ": LINE}}),
    typed({"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 9000}}, [None] * 9000),
    # Reading
    an_empty_region,
    no_value_in_time,
    no_value_now,
    a_closed_region,
    a_file_that_is_cut_short,
    reading_in_two_threads,
    without_memory_for_a_copy,
    reading_a_removed_region(shm.Reader.recv),
    reading_a_removed_region(shm.Reader.latest),
    a_closed_reader,
    ring("payload", 7, shm.Reader.latest, checksum=True),
    ring("length", 1 << 20, shm.Reader.recv),
    ring("stamp", 3, at_value_1),
    ring(400, 9, shm.Reader.latest),
    ring(392, 1 << 63, shm.Reader.latest),
    ring(392, 2, shm.Reader.latest),
    ring("stamp", 0, shm.Reader.recv),
    a_next_value_beyond_the_last_number,
    a_value_from_before_the_last_boot,
    a_state_that_does_not_exist,
    a_writer_that_is_too_fast,
    a_value_that_is_always_overwritten,
    payload(b"ab\xff", kind="text"),
    payload(b"{", kind="json"),
    payload(b"\xff", kind="json"),
    payload(b"[NaN]", kind="json"),
    payload(b"[" * 100_000, kind="json", capacity=100_000),
    payload(b'{"a":1,"a":2}', kind="json"),
    payload(b"[1e400]", kind="json"),
    payload(rb'"\ud800"', kind="json"),
    payload(b"[" * 128 + b"]" * 128, kind="json"),
    payload(b"abcd", shm.Reader.latest, dtype="<f4", shape=(2,)),
    payload(b"abc", shm.Reader.view, dtype="<f4", shape=(0,)),
    payload(b"\2", dtype="|b1", shape=(1,)),
    typed_payload("U8", "0102"),
    typed_payload("U32", "0102"),
    typed_payload("BOOL", "02"),
    typed_payload({"OPTION": "U8"}, "02"),
    typed_payload("CHAR", "80"),
    typed_payload("STR", "0100000000000000ff"),
    typed_payload({"SEQ": "UNIT"}, "ffffffff00000000"),
    typed_payload({"MAP": {"KEY": "U8", "VALUE": "U8"}}, "020000000000000001010102"),
    typed_payload(LINE, "09000000", T={"ENUM": ENUM}),
    typed_payload(LINE, "0100000000000000" * 200, T={"NEWTYPESTRUCT": {"SEQ": LINE}}),
    typed_payload({"TUPLEARRAY": {"CONTENT": {"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 4000}}, "SIZE": 4000}}, ""),
    typed_payload({"TUPLEARRAY": {"CONTENT": {"TUPLE": ["UNIT", "UNIT"]}, "SIZE": 4000}}, ""),
    on_a_deep_stack,
]
