"""Every message of the package: each is provoked, has the usual form, and is listed in messages.txt.

    pytest -s tests/test_messages.py    # prints them
"""

from __future__ import annotations

import array
import ast
import errno
import math
import os
import re
import resource
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shm
from conftest import poke
from shm import _codec, _files, _format, _linux, _ring
from test_format import with_crc

pytest.importorskip("numpy")

PACKAGE = Path(shm.__file__).parent
LIST = Path(__file__).with_name("messages.txt")


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


# Opening: names, directories, files


def without_a_directory(p: Place) -> None:
    p.environ("SHM_DIR", str(p.directory / "absent"))
    shm.Reader("r")


def a_directory_that_is_closed(p: Place) -> None:
    p.replace(os, "open", refusing(errno.EACCES))
    shm.Reader("r")


def a_directory_that_is_closed_meanwhile(p: Place) -> None:
    with shm.Writer("r") as writer:
        p.replace(os, "stat", refusing(errno.EACCES))
        writer.publish(bytes(9000))


def another_file(p: Place) -> None:
    p.file.write_text("shopping list")
    shm.Reader("r")


def a_folder(p: Place) -> None:
    p.file.mkdir()
    shm.Reader("r")


def a_file_of_another_mode(use: Callable[[str], object]) -> Act:
    def act(p: Place) -> None:
        text_writer().close()
        p.file.chmod(0o600)
        p.replace(_files.Location, "open", refusing(errno.EACCES))
        use("r")

    return act


def a_file_that_is_gone(p: Place) -> None:
    text_writer().close()
    p.replace(_files.Location, "open", refusing(errno.EACCES))
    p.replace(os, "stat", refusing(errno.ENOENT))
    shm.Reader("r")


def a_file_that_is_replaced_each_time(p: Place) -> None:
    text_writer().close()
    unlinked(p)
    shm.Reader("r")


def a_lock_that_is_removed_each_time(p: Place) -> None:
    text_writer().close()
    unlinked(p)
    shm.Writer("r")


def unlinked(p: Place) -> None:
    """Makes `fstat` report that each file was removed."""
    fstat = os.fstat

    def removed(descriptor: int) -> os.stat_result:
        fields = list(fstat(descriptor))
        fields[3] = 0
        return os.stat_result(fields)

    p.replace(os, "fstat", removed)


def a_region_that_is_created_each_time(p: Place) -> None:
    p.replace(_linux, "rename_new", refusing(errno.EEXIST))
    shm.Writer("r")


def a_region_that_does_not_appear(p: Place) -> None:
    shm.Reader("r", open_timeout=0.01)


def on_a_file_system_of_another_machine(p: Place) -> None:
    p.replace(_linux, "file_system", lambda descriptor: 0x6969)
    shm.Writer("r")


def without_whole_words(p: Place) -> None:
    p.replace(_linux, "WORDS_ARE_WHOLE", False)
    shm.Reader("r")


def a_writer_on_another_processor(p: Place) -> None:
    p.replace(_linux, "ORDERED", False)
    shm.Writer("r")


def a_reader_on_another_processor(p: Place) -> None:
    text_writer().close()
    p.replace(_linux, "ORDERED", False)
    shm.Reader("r")


def a_view_on_another_processor(p: Place) -> None:
    text_writer(checksum=True).close()
    p.replace(_linux, "ORDERED", False)
    shm.Reader("r").view()


def system(number: int) -> Act:
    """Lets the system refuse to reserve space for a new region."""

    def act(p: Place) -> None:
        p.replace(_linux, "fallocate", refusing(number))
        shm.Writer("r")

    return act


def a_list_of_an_absent_directory(p: Place) -> None:
    p.environ("SHM_DIR", str(p.directory / "absent"))
    shm.regions()


def a_list_of_a_closed_directory(p: Place) -> None:
    p.replace(os, "listdir", refusing(errno.EACCES))
    shm.regions()


# Headers


def header(at: int, layout: str, value: int, seal: bool = True) -> Act:
    """Reads a region whose header has another field."""

    def act(p: Place) -> None:
        text_writer().close()
        change_header(p, at, layout, value, seal)
        shm.Reader("r")

    return act


def change_header(p: Place, at: int, layout: str, value: int, seal: bool = True) -> None:
    image = bytearray(p.file.read_bytes())
    struct.pack_into("<" + layout, image, at, value)
    p.file.write_bytes(with_crc(bytes(image)) if seal else bytes(image))


def a_file_of(length: int) -> Act:
    def act(p: Place) -> None:
        text_writer().close()
        os.truncate(p.file, length)
        shm.Reader("r")

    return act


def a_file_that_shrinks(p: Place) -> None:
    text_writer().close()

    def shorter(*_: object, **__: object) -> None:
        raise ValueError("mmap length is greater than file size")

    p.replace(_files.mmap, "mmap", shorter)
    shm.Reader("r")


def a_file_of_holes(p: Place) -> None:
    shm.Writer("r", slots=2, capacity=1 << 25).close()
    length = p.file.stat().st_size
    os.truncate(p.file, 4096)
    os.truncate(p.file, length)
    shm.Reader("r")


def a_large_region(p: Place) -> None:
    text_writer().close()
    shm.Reader("r", limit=100)


def a_region_above_every_limit(p: Place) -> None:
    shm.Writer("r", slots=1 << 30, capacity=1 << 20)


def a_value_above_the_limit_for_files(p: Place) -> None:
    with text_writer() as writer:
        p.replace(resource, "getrlimit", lambda what: (1 << 20, 1 << 20))
        writer.publish("x" * (1 << 20))


def described(descriptor: bytes, fingerprint: int, kind: int = 5) -> Act:
    """Reads a region with this descriptor."""

    def act(p: Place) -> None:
        text_writer().close()
        image = bytearray(p.file.read_bytes())
        struct.pack_into("<I", image, 96, kind)
        struct.pack_into("<IIIQ", image, 100, len(descriptor), zlib.crc32(descriptor), 0, fingerprint)
        image[4096:4096] = descriptor + bytes(-len(descriptor) % 128)
        image += bytes(-len(image) % 4096)
        struct.pack_into("<Q", image, 32, len(image))
        p.file.write_bytes(with_crc(bytes(image)))
        shm.Reader("r")

    return act


def schema_of(document: bytes, kind: int = 5) -> Act:
    return described(_format.descriptor_of(document), _format.fingerprint_of(document), kind)


# Files that a writer must not trust


def of_mode(name: str, mode: int) -> Act:
    def act(p: Place) -> None:
        with_lock(p)
        (p.directory / name).chmod(mode)
        shm.Writer("r")

    return act


def with_lock(p: Place) -> None:
    text_writer().close()
    (p.directory / ".r.lock").touch(0o600)


def with_a_second_name(p: Place) -> None:
    text_writer().close()
    os.link(p.file, p.directory / "second")
    shm.Writer("r")


def of_another_user(p: Place) -> None:
    text_writer().close()
    p.replace(os, "geteuid", lambda: 12345)
    shm.Writer("r")


def a_lock_that_is_a_link(p: Place) -> None:
    (p.directory / ".r.lock").symlink_to("r")
    shm.Writer("r")


def a_lock_that_is_a_pipe(p: Place) -> None:
    os.mkfifo(p.directory / ".r.lock", 0o600)
    shm.Writer("r")


def a_lock_that_cannot_be_opened(p: Place) -> None:
    p.replace(_files.Location, "open", refusing(errno.EACCES))
    shm.Writer("r")


def a_lock_that_cannot_be_created(p: Place) -> None:
    p.replace(_files.Location, "create", refusing(errno.EACCES))
    shm.Writer("r")


def a_second_writer(p: Place) -> None:
    with text_writer():
        shm.Writer("r")


# Options


def option(*arguments: Any, **options: Any) -> Act:
    return lambda p: shm.Writer("r", *arguments, **options)


def reading(**options: Any) -> Act:
    return lambda p: shm.Reader("r", **options)


def a_smaller_capacity(p: Place) -> None:
    text_writer().close()
    shm.Writer("r", capacity=100)


def a_wrong_position(p: Place) -> None:
    with text_writer():
        shm.Reader("r").seek(0)


def mismatch(written: dict[str, Any], wanted: dict[str, Any], use: Callable[..., object] = shm.Reader) -> Act:
    def act(p: Place) -> None:
        shm.Writer("r", **written).close()
        use("r", **wanted)

    return act


def another_spelling(p: Place) -> None:
    schema_of(b'{"types":{},"type":"U8"}')(p)
    shm.Reader("r", schema={"type": "U8", "types": {}})


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
        writer._ring._in_use = True
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


def of_the_type(form: Any) -> Act:
    return option(schema={"type": form, "types": {}})


def of_the_types(**types: Any) -> Act:
    return option(schema={"type": "U8", "types": types})


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
LINE: Any = {"TYPENAME": "T"}
ENUM = {"0": {"Off": "UNIT"}, "1": {"On": {"NEWTYPE": "U8"}}}
READING = {"STRUCT": [{"room": "STR"}, {"celsius": "F64"}]}


def nested(depth: int, what: str, inner: Any) -> Any:
    for _ in range(depth):
        inner = {what: inner}
    return inner


def list_of_depth(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


ACTS: list[Act] = [
    # Names and directories
    lambda p: shm.Reader("a b"),
    lambda p: shm.Writer("-r"),
    lambda p: shm.inspect(""),
    lambda p: shm.inspect("x" * 201),
    lambda p: shm.Reader("directory/"),
    lambda p: shm.Reader("a\0b/r"),
    lambda p: shm.Reader("r"),
    lambda p: shm.inspect("r"),
    lambda p: shm.Reader("/absent/r"),
    without_a_directory,
    a_directory_that_is_closed,
    a_directory_that_is_closed_meanwhile,
    a_region_that_does_not_appear,
    a_list_of_an_absent_directory,
    a_list_of_a_closed_directory,
    # Files
    another_file,
    a_folder,
    a_file_of_another_mode(shm.Reader),
    a_file_that_is_gone,
    a_file_that_is_replaced_each_time,
    a_region_that_is_created_each_time,
    on_a_file_system_of_another_machine,
    without_whole_words,
    a_writer_on_another_processor,
    a_reader_on_another_processor,
    a_view_on_another_processor,
    *(system(number) for number in [*_files._SYSTEM_ERRORS, errno.EPROTO]),
    a_file_of(8),
    header(8, "H", 1),
    header(72, "Q", 16, seal=False),
    header(24, "Q", 1 << 63),
    header(12, "I", 8192),
    header(64, "Q", 3),
    a_file_of(5000),
    a_large_region,
    a_region_above_every_limit,
    a_value_above_the_limit_for_files,
    a_file_that_shrinks,
    a_file_of_holes,
    header(104, "I", 1),
    described(bytes(4), 0),
    described(struct.pack("<II", 1, 1 << 30), 0),
    header(96, "I", 9),
    header(112, "Q", 1),
    schema_of(b"{}"),
    schema_of(b'{"dtype":"<f4","shape":[2]}'),
    header(96, "I", 4),
    # Files that a writer must not trust
    a_file_of_another_mode(shm.Writer),
    of_mode("r", 0o666),
    of_mode(".r.lock", 0o622),
    with_a_second_name,
    of_another_user,
    a_lock_that_is_removed_each_time,
    a_lock_that_is_a_link,
    a_lock_that_is_a_pipe,
    a_lock_that_cannot_be_opened,
    a_lock_that_cannot_be_created,
    a_second_writer,
    # Options
    option("novel"),
    option(dtype="<f4"),
    option(shape=(2, 3)),
    option(dtype="<f4", shape=(2,), schema="{}"),
    option("text", dtype="<f4", shape=(2,)),
    option("text", schema={"name": "Reading", "version": 1}),
    option("array"),
    option(dtype="nonsense", shape=()),
    option(replace=True),
    option(slots=3),
    option(slots=0),
    option(slots="many"),
    option(dtype="<f4", shape=5),
    option(capacity=-1),
    option(capacity=1.5),
    option(mode=0o666),
    option(mode="600"),
    a_smaller_capacity,
    reading(start="first"),
    reading(kind="novel"),
    a_wrong_position,
    # Schemas
    option(dtype=">f4", shape=(2,)),
    option(dtype="<f4", shape=(1, 0)),
    option(dtype="<f4", shape=[1] * 33),
    option(dtype="<f4", shape=(1 << 60,)),
    option(schema={1, 2}),
    option(schema=b" " * (1 << 20)),
    option(schema="{"),
    option(schema=b"\xff"),
    option(schema="[" * 100_000),
    option(schema="9" * 10_000),
    option(schema="NaN"),
    option(schema='{"a": 1, "a": 1}'),
    option(schema="[]"),
    option(schema=nested(200, "OPTION", "U8")),
    option(schema={"type": "U8"}),
    option(schema={"name": 1, "version": 1}),
    option(schema={"name": "x" * 300, "version": 1}),
    option(schema='{"name": "\\ud800", "version": 1}'),
    of_the_type("U7"),
    of_the_type({"TYPENAME": "Reading"}),
    of_the_type({"OPTION": "U8", "SEQ": "U8"}),
    of_the_type({"SEQ": {"STRUCT": []}}),
    of_the_type({"TUPLE": "U8"}),
    of_the_types(T={"NEWTYPESTRUCT": LINE}),
    of_the_types(T={"UNION": []}),
    of_the_types(T={"STRUCT": "U8"}),
    of_the_types(T={"STRUCT": [{"a": "U8"}, {"a": "U8"}]}),
    of_the_types(T={"ENUM": {"x": {"A": "UNIT"}}}),
    of_the_types(T={"ENUM": {"0": {"A": "UNIT"}, "1": {"A": "UNIT"}}}),
    of_the_types(T={"ENUM": {"0": {"A": {"UNION": []}}}}),
    # Other kinds and types
    mismatch({"kind": "text"}, {"kind": "json"}),
    mismatch({"kind": "text"}, {"kind": "json"}, shm.Writer),
    mismatch({"kind": "bincode"}, {"schema": {"type": "U8", "types": {}}}),
    mismatch({"dtype": "<f4", "shape": (2,)}, {"dtype": "<f8", "shape": (2,)}, shm.Writer),
    mismatch({"schema": {"name": "R", "version": 1}}, {"schema": {"name": "R", "version": 2}}),
    mismatch({"schema": {"name": "R", "version": 1}}, {"schema": {"type": "U8", "types": {}}}),
    mismatch({"schema": {"type": {"SEQ": "U8"}, "types": {}}}, {"schema": {"type": {"SEQ": "I8"}, "types": {}}}),
    mismatch(
        {"schema": {"type": LINE, "types": {"T": READING}}},
        {"schema": {"type": LINE, "types": {"T": {"STRUCT": [{"room": "STR"}]}}}},
    ),
    mismatch(
        {"schema": {"type": LINE, "types": {"T": {"STRUCT": [{"room": "STR"}]}}}},
        {"schema": {"type": LINE, "types": {"T": READING}}},
    ),
    another_spelling,
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
    publish([1.0, 2.0], dtype="<f4", shape=(2,)),
    publish(array.array("d", [1, 2]), dtype="<f4", shape=(2,)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(2,)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(3, 1)),
    publish(array.array("f", [1, 2, 3]), dtype="<f4", shape=(0, 2)),
    publish(b"abc", dtype="<f4", shape=(2,)),
    publish(b"abc", dtype="<f4", shape=(0, 2)),
    publish(b"\1\2", dtype="|b1", shape=(2,)),
    typed("UNIT", 0),
    typed("BOOL", 1),
    typed("U8", 300),
    typed("F32", "1.5"),
    typed("CHAR", "ab"),
    typed("STR", 5),
    typed("STR", "\ud800"),
    typed("BYTES", "text"),
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


def message(act: Act, directory: Path) -> str:
    """Returns the class and text of the error that `act` raises, without the parts that differ between machines and runs."""
    directory.mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SHM_DIR", str(directory))
        with pytest.raises(shm.Error) as caught:
            act(Place(directory, monkeypatch))
    text = str(caught.value).replace(str(directory), "DIRECTORY")
    return f"{type(caught.value).__name__}: " + re.sub(r"\b(user|process) \d+", r"\1 1000", text)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    base = tmp_path_factory.mktemp("messages")
    return list(dict.fromkeys(message(act, base / str(index)) for index, act in enumerate(ACTS)))


def test_the_messages_are_those_in_the_list(messages: list[str]) -> None:
    print("", *messages, sep="\n")
    assert messages == LIST.read_text().splitlines(), "if the new texts are better, copy the output of -s to the list"


FORM = re.compile(
    r"""cannot\ (?:
        (?:open|inspect|remove|seek\ in|use|publish\ to|receive\ from|(?:read|view)\ the\ newest\ value\ of)\ region\ '.*?'
        (?:\ for\ writing)?
        |decode\ value\ [1-9][0-9]*\ of\ region\ '.*?'
        |list\ the\ regions\ in\ [^:]+
    ):\ (?P<fault>[^;]*[^;.]);\ (?P<advice>[^;]*[^;.])""",
    re.VERBOSE,
)
ADVICE = re.compile(
    "append|ask|choose|close|continue|convert|correct|create|find|free|give|have|leave|open|protect|publish|replace|reshape|run"
    "|start|stop|take|try|use|wait|write"
)


def test_a_message_names_the_action_and_the_region_then_the_fault_then_what_to_do(messages: list[str]) -> None:
    for line in messages:
        name, text = line.split(": ", 1)
        assert issubclass(getattr(shm, name), shm.Error)
        found = FORM.fullmatch(text)
        assert found, text
        assert found["fault"][0] in "'[{" or found["fault"][0].islower() or found["fault"].startswith(("JSON", "Python")), text
        assert ADVICE.match(found["advice"]), text
        assert not re.search(r"failed to|Errno|Traceback|shm-writer|shm-reader|\b(?:delete|rm)\b|  ", text), text
        assert len(text) <= 420, text


def test_every_text_in_the_sources_is_in_a_message(messages: list[str]) -> None:
    everything = "\n".join(messages)
    missing = [text for text, pattern in texts_in_the_sources() if not re.search(pattern, everything)]
    assert missing == []


RAISED = {*shm.__all__, "Misfit", "SchemaError", "_NotJson", "_WrongType", "misfit_of"}


def texts_in_the_sources() -> list[tuple[str, str]]:
    """The first arguments of the calls that make errors, each with a pattern that its text matches."""
    found = []
    for file in sorted(PACKAGE.glob("*.py")):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            texts: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                texts = node.args[:1]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("fault", "advice"):
                texts = [node.value]
            for text in texts:
                if isinstance(text, (ast.Constant, ast.JoinedStr)):
                    found.append((f"{file.name}: {ast.unparse(text)}", pattern_of(text)))
    return found


def pattern_of(text: ast.expr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*?" for part in parts)
