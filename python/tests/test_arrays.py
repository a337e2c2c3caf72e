"""Arrays and other buffers as values: their own dtype and shape count, and nothing is lost silently."""

from __future__ import annotations

import array
import ctypes
import mmap
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import shm
from conftest import publish, retained

numpy = pytest.importorskip("numpy")

F4 = {"dtype": "<f4", "shape": (2,)}
NONE: dict[str, Any] = {}
BYTES = {"kind": "bytes"}
BINCODE = {"kind": "bincode"}


def refused(value: Any, fault: str, advice: str = "", **options: Any) -> None:
    with shm.Writer("r", **options) as writer:
        with pytest.raises(shm.BadValue) as caught:
            writer.publish(value)
        assert str(caught.value).startswith("cannot publish to region 'r': " + fault), caught.value
        assert advice in str(caught.value).split("; ")[1], caught.value
        assert writer.head == 0 and retained() == []
        assert isinstance(caught.value, ValueError) and shm.inspect("r").file_number == 1
        writer.remove()


class Meters(numpy.ndarray):  # type: ignore[misc, name-defined]
    """An array with a unit, like those of astropy."""

    unit = "m"


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_char), ("b", ctypes.c_int)]


def dates() -> Any:
    return numpy.zeros(2, "M8[s]")


OBJECTS: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: numpy.array([object(), 1]), "elements of dtype 'object' are not plain numbers", "convert the array with astype to a"),
    (lambda: memoryview(numpy.array([object()])), "elements of format 'O' are not plain numbers", "give an array of plain numbers"),
    (lambda: numpy.array(["a", "bc"]), "elements of dtype '<U2' are", "publish value.tolist() in a region of kind 'json'"),
    (lambda: numpy.array([b"a", b"bc"]), "elements of dtype '|S2' are", "publish value.tolist() in a region of kind 'json'"),
    (dates, "elements of dtype 'datetime64[s]' are", "publish value.view('i8') in a region of dtype '<i8'"),
    (lambda: dates() - dates(), "elements of dtype 'timedelta64[s]' are", "publish value.view('i8')"),
    (lambda: dates()[0], "elements of dtype 'datetime64[s]' are", "publish value.view('i8')"),
    (lambda: numpy.zeros(2, "u1,f4"), "elements of dtype \"[('f0', 'u1'), ('f1', '<f4')]\" are", "publish each field as an array of its own"),
    (lambda: numpy.zeros(2, "u1,f4")[0], "elements of dtype", "publish each field"),
    (lambda: numpy.zeros(2, "V3"), "elements of dtype '|V3' are", "convert the array with astype"),
    (lambda: numpy.zeros(2, "g"), "elements of dtype 'float128' are", "convert the array with astype('<f8')"),
    (lambda: numpy.ma.array([1.0, 2.0], mask=[0, 1]), "a MaskedArray contains more than its elements", "give value.filled()"),
    (lambda: numpy.ma.masked, "a MaskedConstant contains more than its elements", "give value.filled()"),
    (lambda: numpy.zeros(2, "f4").view(Meters), "a Meters contains more than its elements", "give numpy.asarray(value), if its"),
    (lambda: (ctypes.c_void_p * 2)(), "elements of format '<P' are not plain numbers", "give an array of plain numbers"),
    (lambda: (ctypes.py_object * 1)(None), "elements of format '<O' are not plain numbers", ""),
    (Pair, "elements of format 'T{<c:a:", "give an array of plain numbers"),
    (lambda: array.array("u", "ab"), "elements of format", "give an array of plain numbers"),
]  # fmt: skip


@pytest.mark.parametrize("options", [F4, NONE, BYTES, BINCODE], ids=["array", "none", "bytes", "bincode"])
@pytest.mark.parametrize("index", range(len(OBJECTS)))
def test_what_is_not_plain_numbers_is_refused_in_every_kind(index: int, options: dict[str, Any]) -> None:
    """Reported 3 and 29: an address of this process, a mask or a unit is never published or dropped."""
    make, fault, advice = OBJECTS[index]
    refused(make(), fault, advice, **options)


def test_released_and_inaccessible_buffers_are_refused() -> None:
    """Reported 29."""
    for options in (F4, NONE, BYTES):
        view = memoryview(b"12345678")
        view.release()
        fault = "the buffer of the memoryview is not accessible"
        refused(view, fault, "give an object whose buffer was not released", **options)


def test_only_plain_bytes_are_raw() -> None:
    """Reported 3: a flat array of uint8 is not the bytes of another dtype or shape."""
    flat = numpy.full(8, 200, "u1")
    fault = "expected elements of dtype '|i1', got '|u1'"
    for value in (flat, memoryview(flat), array.array("B", bytes(8)), mmap.mmap(-1, 8), (ctypes.c_ubyte * 8)()):
        refused(value, fault, "convert the array with astype('|i1')", dtype="i1", shape=(8,))
        refused(value, "expected elements of dtype '<f4', got '|u1'", "astype('<f4')", **F4)
        refused(value, "expected an array of shape (2, 4), got (8,)", "reshape the array", dtype="u1", shape=(2, 4))
    data = bytes(range(8))
    with shm.Writer("r", **F4) as writer, shm.Reader("r") as reader:
        for raw in (data, bytearray(data), memoryview(data), memoryview(bytearray(data)), memoryview(data).cast("f").cast("B")):
            writer.publish(raw)
            assert reader.recv(0).tobytes() == data
        writer.publish(memoryview(bytes(16))[::2])
        assert reader.recv(0).tobytes() == bytes(8)


class Lying(bytes):
    def __len__(self) -> int:
        return 3


@pytest.mark.parametrize("options", [F4, NONE, BYTES, BINCODE])
def test_the_methods_of_a_subclass_of_bytes_do_not_count(options: dict[str, Any]) -> None:
    with shm.Writer("r", **options) as writer, shm.Reader("r") as reader:
        writer.publish(Lying(b"abcdefgh"))
        value = reader.latest()
        assert (value.tobytes() if options is F4 else value) == b"abcdefgh"


def test_bools_other_than_0_and_1_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reported 3: readers could not take a mask of 0 and 255."""
    mask = numpy.array([[0, 255], [1, 0]], "u1").view(bool)
    for value in (mask, mask.T, mask[::-1], mask.tobytes(), memoryview(mask)):
        refused(value, "the value contains a bool that is neither 0 nor 1", "give 0 or 1", dtype="?", shape=(2, 2))
    with shm.Writer("r") as writer, shm.Reader("r") as reader:
        writer.publish(mask.view("u1") != 0)
        assert reader.latest().tolist() == [[False, True], [True, False]]
        monkeypatch.setitem(sys.modules, "numpy", None)  # type: ignore[arg-type]
        with pytest.raises(shm.BadValue):
            writer.publish(b"\0\1\2\0")


def test_bools_other_than_0_and_1_do_not_give_a_region_its_type() -> None:
    with shm.Writer("r") as writer:
        for _ in range(2):
            with pytest.raises(shm.BadValue, match="neither 0 nor 1; give 0 or 1"):
                writer.publish(numpy.array([0, 255], "u1").view(bool))
        assert (writer.head, writer.kind) == (0, "bytes")
        writer.publish(numpy.array([False, True]))
        assert shm.Reader("r").latest().tolist() == [False, True]


def unaligned(values: Any) -> Any:
    raw = numpy.zeros(values.nbytes + 1, "u1")
    raw[1:] = numpy.frombuffer(values.tobytes(), "u1")
    return raw[1:].view(values.dtype).reshape(values.shape)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "plain": lambda a: a, "Fortran": numpy.asfortranarray, "negative strides": lambda a: a[::-1, ::-1][::-1, ::-1].copy()[::-1, ::-1],
    "cut": lambda a: numpy.pad(a, 3)[3:-3, 3:-3], "steps": lambda a: numpy.repeat(a, 2, 1)[:, ::2], "unaligned": unaligned,
    "unaligned, transposed": lambda a: unaligned(a.T.copy()).T, "unaligned steps": lambda a: unaligned(numpy.repeat(a, 2, 1))[:, ::2],
    "broadcast": lambda a: numpy.broadcast_to(a[:1], a.shape), "memoryview": memoryview, "matrix": numpy.matrix,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "f2", "f4", "i8", "c8", "c16"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_of_every_layout_are_published(layout: str, dtype: str) -> None:
    """Reported 23: NumPy exports unaligned arrays with the format "=f"."""
    value = LAYOUTS[layout]((numpy.arange(12) % 2 + (dtype != "?")).astype(dtype).reshape(3, 4))
    if isinstance(value, numpy.ndarray):
        value.setflags(write=False)
    expected = numpy.array(value)
    with shm.Writer("r", dtype=dtype, shape=(3, 4)) as writer, shm.Reader("r") as reader:
        writer.publish(value)
        assert (reader.latest() == expected).all() and reader.latest().dtype == dtype
    with shm.Writer("b", "bytes") as writer, shm.Reader("b") as reader:
        writer.publish(value)
        assert reader.latest() == expected.tobytes()


def test_arrays_that_are_not_contiguous_are_not_slow() -> None:
    """Reported 23: `memoryview.tobytes` took up to 40 times as long as NumPy's own copy."""
    slow = memoryview(numpy.zeros((500, 1000), "u1")[:, ::2]).tobytes

    def seconds(call: Callable[[], Any]) -> float:
        start = time.thread_time()
        call()
        return time.thread_time() - start

    value = numpy.zeros((500, 1000), "u1")[:, ::2]
    with shm.Writer("r", dtype="u1", shape=(500, 500)) as writer:
        assert min(seconds(lambda: writer.publish(value)) for _ in range(20)) < min(seconds(slow) for _ in range(20))


@pytest.mark.parametrize(
    "make, dtype, shape",
    [
        (lambda: numpy.ones((2, 3), "f4"), "<f4", [2, 3]), (lambda: numpy.full(4, 200, "u1"), "|u1", [4]), (lambda: numpy.float64(1), "<f8", []),
        (lambda: numpy.asfortranarray(numpy.arange(6).reshape(2, 3)), "<i8", [2, 3]), (lambda: array.array("d", [1, 1]), "<f8", [2]),
        (lambda: memoryview(array.array("f", [1, 1])), "<f4", [2]), (lambda: memoryview(bytes(8)).cast("B", (2, 4)), "|u1", [2, 4]),
        (lambda: (ctypes.c_int * 3)(1, 2, 3), "<i4", [3]), (lambda: numpy.zeros((0, 3), "f4"), "<f4", [0, 3]),
        (lambda: numpy.zeros((600, 600), "c16"), "<c16", [600, 600]),
    ],
)  # fmt: skip
def test_the_first_array_decides_dtype_and_shape(make: Callable[[], Any], dtype: str, shape: list[int]) -> None:
    """Reported 43: a writer that was given no kind dropped the dtype and shape of arrays silently."""
    value = make()
    with shm.Writer("r", slots=8, mode=0o640) as writer:
        reader = shm.Reader("r")
        assert (writer.kind, writer.publish(value), writer.kind) == ("bytes", 1, "array")
        assert writer.array == {"dtype": dtype, "shape": shape} and writer.discarded == 0
        got = reader.recv(5)
        assert (got == numpy.asarray(value)).all() and not reader.restarted and reader.lost == 0
        assert reader.array == writer.array
        assert writer.publish(value) == 2
    info = shm.inspect("r")
    assert (info.slots, info.mode, info.epoch, info.head) == (8, 0o640, 1, 2)
    assert info.capacity == max(8, -(-numpy.asarray(value).nbytes // 8) * 8) or 0 in shape
    with shm.Writer("r") as writer:
        assert writer.kind == "array" and writer.publish(value) == 3


def test_bytes_decide_for_bytes() -> None:
    for value in (b"ab", bytearray(b"ab"), memoryview(b"ab"), array.array("B", b"ab"), memoryview(b"abcd")[::2]):
        with shm.Writer("r") as writer:
            writer.publish(value)
            assert writer.kind == "bytes"
            fault = "its values are bytes, so the dtype and shape of the array would be lost"
            with pytest.raises(shm.BadValue, match=fault + "; give the array's tobytes"):
                writer.publish(numpy.zeros(3))
            assert writer.head == 1
            writer.remove()
    with shm.Writer("r", "bytes") as writer, shm.Reader("r") as reader:
        writer.publish(numpy.ones(1))
        assert writer.kind == "bytes" and reader.latest() == bytes(6) + b"\xf0\x3f"


def test_a_first_array_that_no_region_can_hold_changes_nothing() -> None:
    refused(numpy.zeros(2, ">f4"), "dtype '>f4' is not supported", "convert the array with astype('<f4')", **NONE)
    refused(numpy.zeros((2, 0)), "shape [2, 0] contains a 0", "use 0 only", **NONE)
    refused([1.0], "expected bytes, got list", "give bytes or an array", **NONE)


def test_parts_of_typed_values_that_would_be_lost_are_refused() -> None:
    for form, value, fault in [
        ("F64", numpy.array([1.5]), "expected F64, got ndarray"),
        ("F64", numpy.ma.masked, "expected F64, got MaskedConstant"),
        ("BYTES", memoryview(numpy.array([object()])), "expected a memoryview of bytes, got one of 'O' and 1 dimensions"),
        ("BYTES", memoryview(bytes(8)).cast("B", (2, 4)), "expected a memoryview of bytes, got one of 'B' and 2 dimensions"),
    ]:
        refused(value, f"the value does not fit the schema: {fault}", "give a value", schema={"type": form, "types": {}})
    with shm.Writer("r", schema={"type": {"SEQ": "F32"}, "types": {}}) as writer, shm.Reader("r") as reader:
        writer.publish([numpy.float32(1.5), numpy.int8(2), 3])
        assert reader.latest() == [1.5, 2.0, 3.0]


@pytest.mark.parametrize(
    "dtype, title, advice",
    [
        ("M8[ns]", "datetime64[ns]", "publish value.view('i8')"), ("O", "object", "convert the array with astype"), ("g", "float128", "astype('<f8')"),
        ("S3", "|S3", "publish value.tolist()"), ("u1,f4", "f0", "publish each field"), (">f4", ">f4", "use one of |b1"),
    ],
)  # fmt: skip
def test_a_dtype_is_called_by_its_own_name(dtype: str, title: str, advice: str) -> None:
    """Reported 29."""
    for use in (shm.Writer, shm.Reader):
        with pytest.raises(shm.BadOption) as caught:
            use("r", dtype=dtype, shape=(2,))
        assert title in str(caught.value) and "is not supported; " in str(caught.value) and advice in str(caught.value)


@pytest.mark.parametrize("name, unsigned", [("bfloat16", "u2"), ("float8_e4m3fn", "u1"), ("float8_e5m2", "u1"), ("int4", "u1")])
def test_dtypes_of_ml_dtypes_are_published_as_integers(name: str, unsigned: str) -> None:
    """Reported 29."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    dtype = numpy.dtype(getattr(ml_dtypes, name))
    value = numpy.ones(2, dtype)
    advice = f"publish value.view('{unsigned}') in a region of dtype '{unsigned}'"
    for options in (F4, NONE, BYTES, {"dtype": unsigned, "shape": (2,)}):
        for given in (value, value[0]):
            refused(given, f"elements of dtype '{name}' are not plain numbers", advice, **options)
    with pytest.raises(shm.BadOption, match=f"dtype '{name}' is not supported; publish value.view"):
        shm.Writer("r", dtype=dtype, shape=(2,))
    with shm.Writer("r", dtype=unsigned, shape=(2,)) as writer, shm.Reader("r") as reader:
        publish(writer, value.view(unsigned))
        assert (reader.latest().view(dtype) == value).all()


def test_strings_of_any_length_are_refused() -> None:
    """Reported 29."""
    if not hasattr(numpy.dtypes, "StringDType"):
        pytest.skip("NOT TESTED: this NumPy has no StringDType")
    for options in (F4, NONE, BYTES):
        refused(numpy.array(["a", "bcd"], "T"), "elements of dtype 'StringDType()' are", "publish value.tolist()", **options)


def test_arrays_of_jax_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reported 23 and 29: JAX exports every array with the format "=f"."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    jax = pytest.importorskip("jax")
    value = jax.numpy.arange(6, dtype="float32").reshape(2, 3)
    with shm.Writer("r", dtype="f4", shape=(3, 2)) as writer, shm.Reader("r") as reader:
        writer.publish(value.T)
        assert (reader.latest() == numpy.asarray(value).T).all()
        writer.remove()
    with shm.Writer("first") as writer, shm.Reader("first") as reader:
        writer.publish(value)
        assert (reader.latest() == numpy.asarray(value)).all()
    refused(jax.numpy.zeros(2, "bfloat16"), "elements of dtype 'bfloat16' are", "publish value.view('u2')", dtype="u2", shape=(2,))


def test_quantities_of_astropy_and_pint_are_refused() -> None:
    """Reported 3."""
    units = pytest.importorskip("astropy.units")
    refused(numpy.ones(2) * units.m, "a Quantity contains more than its elements", "give numpy.asarray(value)", **F4)
    pint = pytest.importorskip("pint")
    refused(pint.Quantity(numpy.ones(2, "f4"), "m"), "expected an array of '<f4', got Quantity", **F4)


@pytest.mark.parametrize(
    "value",
    [memoryview(b"abc").cast("c"), (ctypes.c_char * 3)(*b"abc"), pickle.PickleBuffer(memoryview(b"abc").cast("b"))],
)
def test_a_buffer_of_bytes_is_published_as_bytes(value: Any) -> None:
    """NumPy has no dtype for the format "c". Buffers of pyarrow have the format "b", but are no arrays of numbers."""
    with shm.Writer("r") as writer:
        writer.publish(value)
        assert (shm.Reader("r").latest(), writer.kind) == (b"abc", "bytes")
        writer.publish(b"d")


def test_messages_of_pyarrow_are_bytes_of_any_length() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    with shm.Writer("r") as writer:
        for rows in (3, 300):
            table = pyarrow.table({"a": list(range(rows))})
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, table.schema) as stream:
                stream.write_table(table)
            writer.publish(sink.getvalue())
            assert pyarrow.ipc.open_stream(shm.Reader("r").latest()).read_all().equals(table)


@pytest.mark.parametrize("value", [array.array("b", [1, -1]), (ctypes.c_byte * 2)(1, -1), memoryview(b"\1\xff").cast("b")])
def test_signed_numbers_of_one_byte_are_an_array(value: Any) -> None:
    with shm.Writer("r") as writer:
        writer.publish(value)
        assert shm.Reader("r").latest().tolist() == [1, -1]


def test_a_bool_of_numpy_is_a_bool_and_named_as_its_own_type() -> None:
    true = numpy.array([0, 1], "u1").view(bool)[1]
    with shm.Writer("r", schema={"type": {"MAP": {"KEY": "BOOL", "VALUE": "BOOL"}}, "types": {}}) as writer:
        writer.publish({true: true})
        assert repr(shm.Reader("r").latest()) == "{True: True}"
    with shm.Writer("typed", schema={"type": "U8", "types": {}}) as writer:
        with pytest.raises(shm.BadValue, match=r"expected U8, got numpy\.bool"):
            writer.publish(true)
    with shm.Writer("json", "json") as writer:
        for value, name in ((true, "numpy.bool"), (numpy.int64(5), "numpy.int64"), (numpy.float32(1), "numpy.float32")):
            with pytest.raises(shm.BadValue, match=rf"it contains a {name}.*; convert it with its method item\(\)"):
                writer.publish({"a": [value]})
            writer.publish({"a": [value.item()]})
        with pytest.raises(shm.BadValue, match=r"it contains a ndarray; convert it with its method tolist\(\)"):
            writer.publish({"a": numpy.arange(3)})
        with pytest.raises(shm.BadValue, match=r"it contains a set; give only"):
            writer.publish({"a": {1}})
