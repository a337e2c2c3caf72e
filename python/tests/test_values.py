"""Values of every kind, published by a Writer and received by a Reader."""

from __future__ import annotations

import array
import math
from typing import Any

import pytest
import shm
from shm import _values

numpy = pytest.importorskip("numpy")

DTYPES = ["|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"]


@pytest.fixture
def without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_values, "_numpy", lambda: None)


@pytest.mark.parametrize(
    "kind, value",
    [
        ("bytes", b""),
        ("bytes", b"\0\xff" * 1000),
        ("text", ""),
        ("text", "grüße 🦀\0\n"),
        ("json", {"a": [1, 2.5, None, True, "ü"], "big": (1 << 64) - 1, "small": -(1 << 63)}),
        ("json", None),
        ("json", "just text"),
        ("bincode", b"\1\2"),
    ],
)
def test_a_published_value_is_received(kind: str, value: Any) -> None:
    with shm.Writer("r", kind) as writer, shm.Reader("r") as reader:
        with pytest.raises(shm.Empty):
            reader.latest()
        assert reader.sequence == 0
        assert writer.publish(value) == 1
        assert reader.kind == writer.kind == kind and reader.schema is None
        assert reader.latest() == value
        assert writer.publish(value) == 2
        assert reader.recv(0) == value
        assert (reader.sequence, reader.lost, reader.restarted) == (2, 0, False)


def test_any_buffer_can_be_published_as_bytes() -> None:
    with shm.Writer("r", "bytes") as writer, shm.Reader("r") as reader:
        for value in (bytearray(b"ab"), memoryview(b"ab"), array.array("B", b"ab"), numpy.frombuffer(b"ab", "u1")):
            writer.publish(value)
            assert reader.recv(0) == b"ab"
        writer.publish(memoryview(b"abcdef")[::2])
        assert reader.recv(0) == b"ace"
        writer.publish(numpy.float64(1))
        assert reader.recv(0) == bytes(6) + b"\xf0\x3f"


@pytest.mark.parametrize(
    "kind, value",
    [
        ("bytes", "text"),
        ("bytes", 5),
        ("text", b"bytes"),
        ("text", "\ud800"),
        ("json", math.nan),
        ("json", b"bytes"),
        ("json", "\ud800"),
        ("json", {1, 2}),
        ("bincode", {"a": 1}),
    ],
)
def test_values_that_do_not_fit_the_kind_are_not_published(kind: str, value: Any) -> None:
    with shm.Writer("r", kind) as writer:
        with pytest.raises(shm.BadValue, match="'r'"):
            writer.publish(value)
        assert writer.head == 0
        with pytest.raises(shm.Empty):
            shm.Reader("r").latest()


@pytest.mark.parametrize(
    "kind, payload",
    [
        ("text", b"\xff"),
        ("json", b""),
        ("json", b"{"),
        ("json", b"NaN"),
        ("json", b"1 2"),
        ("json", b"\xff\xfe1\0"),
        ("json", b'"\xff"'),
        ("json", b"[" * 100_000),
        ("json", b"9" * 100_000),
    ],
)
def test_a_payload_that_does_not_fit_the_kind_is_an_error(kind: str, payload: bytes) -> None:
    with shm.Writer("r", kind) as writer, shm.Reader("r") as reader:
        writer._ring.publish(payload) if len(payload) <= 4096 else writer._grow(payload)
        writer.publish("good")
        with pytest.raises(shm.BadValue, match="'r'"):
            reader.recv(0)
        assert reader.sequence == 1
        assert reader.recv(0) == "good"


@pytest.mark.parametrize("dtype", DTYPES)
def test_published_arrays_are_received(dtype: str) -> None:
    value = (numpy.arange(24) % 2).astype(dtype).reshape(2, 3, 4)
    with shm.Writer("r", dtype=dtype, shape=(2, 3, 4)) as writer, shm.Reader("r") as reader:
        for given in (value, numpy.asfortranarray(value), value[::-1][::-1], value.tobytes()):
            writer.publish(given)
            got = reader.recv(0)
            assert got.dtype == value.dtype and got.shape == value.shape and (got == value).all()
        got[0] = 1  # the value is a private copy
        assert (reader.latest() == value).all()
        view = reader.view()
        assert view.is_whole() and not view.data.flags.writeable
        assert view.data.dtype == value.dtype and (view.data == value).all()
        assert (reader.array, reader.schema) == ({"dtype": dtype, "shape": [2, 3, 4]}, None)


@pytest.mark.parametrize("dtype", DTYPES)
def test_published_arrays_are_received_without_numpy(dtype: str, without_numpy: None) -> None:
    value = (numpy.arange(6) % 2).astype(dtype).reshape(2, 3)
    with shm.Writer("r", dtype=dtype, shape=[2, 3]) as writer, shm.Reader("r") as reader:
        writer.publish(value)
        got = reader.latest()
        if dtype in ("<f2", "<c8", "<c16"):
            assert got == value.tobytes() and type(got) is bytes
        else:
            assert got.tolist() == value.tolist() and got.shape == (2, 3) and not got.readonly
        view = reader.view()
        assert view.data.tobytes() == value.tobytes() and view.data.readonly


def test_the_number_of_rows_can_be_open() -> None:
    with shm.Writer("r", dtype="<i4", shape=(0, 3)) as writer, shm.Reader("r") as reader:
        for rows in (0, 1, 500):
            value = numpy.arange(3 * rows, dtype="<i4").reshape(rows, 3)
            writer.publish(value)
            got = reader.recv(0)
            assert got.shape == (rows, 3) and (got == value).all()
        with pytest.raises(shm.BadValue, match="multiple of 12"):
            writer.publish(bytes(16))


def test_open_numbers_of_rows_without_numpy(without_numpy: None) -> None:
    with shm.Writer("r", dtype="<i4", shape=(0, 2)) as writer, shm.Reader("r") as reader:
        writer.publish(b"")
        assert reader.latest().tolist() == []
        writer.publish(array.array("i", [1, 2]).tobytes())
        assert reader.latest().tolist() == [[1, 2]]


def test_an_array_without_dimensions_is_a_number() -> None:
    with shm.Writer("r", dtype="<f8", shape=()) as writer, shm.Reader("r") as reader:
        writer.publish(numpy.array(1.5))
        assert reader.latest() == 1.5 and reader.latest().shape == ()


@pytest.mark.parametrize(
    "value, complaint",
    [
        (numpy.zeros((2, 3), "f8"), "expected elements of dtype '<f4', got '<f8'"),
        (numpy.zeros((2, 3), "i4"), "expected elements of dtype '<f4', got '<i4'"),
        (numpy.zeros((2, 3), ">f4"), "expected elements of dtype '<f4'"),
        (numpy.zeros((3, 2), "f4"), "expected an array of shape (2, 3), got (3, 2)"),
        (numpy.zeros((2, 2), "f4"), "expected an array of shape (2, 3), got (2, 2)"),
        (b"123", "expected 24 bytes, got 3"),
        ([[1.0, 2.0, 3.0]] * 2, "expected an array of '<f4', got list"),
        ("text", "expected an array of '<f4', got str"),
    ],
)
def test_an_array_of_another_type_is_not_published(value: Any, complaint: str) -> None:
    with shm.Writer("r", dtype="<f4", shape=(2, 3)) as writer:
        with pytest.raises(shm.BadValue) as caught:
            writer.publish(value)
        assert complaint in str(caught.value)


def test_booleans_are_0_or_1() -> None:
    with shm.Writer("r", dtype=bool, shape=(2,)) as writer, shm.Reader("r") as reader:
        with pytest.raises(shm.BadValue):
            writer.publish(b"\1\2")
        writer._ring.publish(b"\1\2")
        with pytest.raises(shm.BadValue):
            reader.latest()


def test_an_array_of_another_length_is_an_error() -> None:
    with shm.Writer("r", dtype="<f4", shape=(2,)) as writer, shm.Reader("r") as reader:
        writer._ring.publish(b"abcd")
        for read in (reader.latest, reader.view):
            with pytest.raises(shm.BadValue, match="expected 8 bytes, got 4"):
                read()


def test_published_typed_values_are_received() -> None:
    schema = {"type": {"TYPENAME": "P"}, "types": {"P": {"STRUCT": [{"x": "F64"}, {"name": {"OPTION": "STR"}}]}}}
    with shm.Writer("r", schema=schema) as writer, shm.Reader("r", schema=schema) as reader:
        writer.publish({"name": "a", "x": 1})
        assert reader.latest() == {"x": 1.0, "name": "a"}
        assert reader.kind == "bincode" and reader.schema == schema
        view = reader.view()
        assert bytes(view.data) == writer._codec.encode({"name": "a", "x": 1})
        with pytest.raises(shm.BadValue, match="value.x: expected F64, got str 'far'"):
            writer.publish({"name": "a", "x": "far"})
        writer._ring.publish(b"\0")
        with pytest.raises(shm.BadValue, match="cannot decode value 2 of region 'r'"):
            reader.latest()


def test_values_of_a_type_that_is_known_only_by_name_are_bytes() -> None:
    with shm.Writer("r", schema='{"version": 3, "name": "Reading"}') as writer, shm.Reader("r") as reader:
        writer.publish(b"\1\2")
        assert reader.latest() == b"\1\2" and reader.schema == {"name": "Reading", "version": 3}


def test_a_reader_refuses_another_kind_or_type_than_was_given() -> None:
    named = {"name": "Reading", "version": 3}
    with shm.Writer("r", schema=named):
        shm.Reader("r", kind="bincode", schema=named).close()
        shm.Reader("r", schema='{"version": 3, "name": "Reading"}').close()
        with pytest.raises(shm.TypeMismatch, match="its kind is 'bincode', not 'text'"):
            shm.Reader("r", kind="text")
        with pytest.raises(shm.TypeMismatch):
            shm.Reader("r", schema={**named, "version": 4})
        with pytest.raises(ValueError):
            shm.Reader("r", kind="novel")


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


# Reported 6, 7 and 24.
@pytest.mark.parametrize(
    "value, words",
    [
        ({1: "a", "1": "b"}, "the name '1' is there twice in one object"),
        ([{"x": {None: 1, "null": 2}}], "the name 'null' is there twice"),
        ({True: 1, "true": 2}, "the name 'true' is there twice"),
        ({"id": 123456789012345678901234567890}, "the integer 123456789012345678901234567890 has more than 64 bits"),
        (1 << 64, "more than 64 bits"),
        ([-(1 << 63) - 1], "more than 64 bits"),
        (_nested(128), "nests deeper than 127 levels"),
        (_nested(600), "nests deeper than 127 levels"),
    ],
)
def test_json_that_programs_read_differently_is_refused(value: Any, words: str) -> None:
    with shm.Writer("r", "json") as writer:
        for _ in range(3):
            with pytest.raises(shm.BadValue, match=words):
                writer.publish(value)
            writer.publish([1])
        assert writer.head == 3
        writer.publish(_nested(127))


# Reported 6, 7 and 24.
@pytest.mark.parametrize(
    "payload, words",
    [
        (b'{"a":1,"a":2}', "the name 'a' is there twice"),
        (b"[123456789012345678901234567890]", "more than 64 bits"),
        (b"[1e400]", "larger than any f64"),
        (b"-" + b"9" * 400, "more than 64 bits"),
        (b"[" * 128 + b"]" * 128, "nests deeper than 127 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "nests deeper than 127 levels"),
        (rb'"\ud800"', "half of a surrogate pair"),
        (rb'{"\uDC00x":1}', "half of a surrogate pair"),
        (rb'["\ude00\ud83d"]', "half of a surrogate pair"),
    ],
)
def test_a_reader_refuses_json_that_programs_read_differently(payload: bytes, words: str) -> None:
    with pytest.raises(shm.BadValue, match=words):
        _values.codec_for(3, None, 0).decode(payload)
    assert _values.codec_for(3, None, 0).decode(b"[1e308,18446744073709551615]") == [1e308, 18446744073709551615]
    assert _values.codec_for(3, None, 0).decode(rb'["\ud83d\ude00", "\\ud800"]') == ["\U0001f600", "\\ud800"]
