"""Opening a region: another kind or type is refused, and replaces the region only if the caller asks for it."""

from __future__ import annotations

import itertools
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import shm
from conftest import available

READING = {"type": {"TYPENAME": "Reading"}, "types": {"Reading": {"STRUCT": [{"room": "STR"}, {"celsius": "F64"}]}}}
COARSE = {"type": {"TYPENAME": "Reading"}, "types": {"Reading": {"STRUCT": [{"room": "STR"}, {"celsius": "F32"}]}}}

# For each kind, type, dtype and shape: the options, and two values. Some of the second ones need a larger region.
TYPES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "bytes": ({"kind": "bytes"}, [b"one", b"2" * 9000]),
    "text": ({"kind": "text"}, ["one", "2" * 9000]),
    "json": ({"kind": "json"}, [None, {"two": "2" * 9000}]),
    "bincode": ({"kind": "bincode"}, [b"one", b"2" * 9000]),
    "f4 2,2": ({"dtype": "<f4", "shape": (2, 2)}, [bytes(16), b"\1" * 16]),
    "i4 2,2": ({"dtype": "<i4", "shape": (2, 2)}, [bytes(16), b"\1" * 16]),
    "f4 4": ({"dtype": "<f4", "shape": (4,)}, [bytes(16), b"\1" * 16]),
    "f4 any,2": ({"dtype": "<f4", "shape": (0, 2)}, [bytes(16), b"\1" * 9000]),
    "reading": ({"schema": READING}, [{"room": "one", "celsius": 1.0}, {"room": "2" * 9000, "celsius": 2.0}]),
    "coarse": ({"schema": COARSE}, [{"room": "one", "celsius": 1.0}, {"room": "2" * 9000, "celsius": 2.0}]),
    "named 1": ({"schema": {"name": "Reading", "version": 1}}, [b"one", b"2" * 9000]),
    "named 2": ({"schema": {"name": "Reading", "version": 2}}, [b"one", b"2" * 9000]),
}
# Kind "bincode" without a schema leaves the type open, so it accepts any type of that kind.
PAIRS = [
    (one, other)
    for one, other in itertools.permutations(TYPES, 2)
    if not (other == "bincode" and "schema" in TYPES[one][0])
]


def comparable(value: Any) -> Any:
    return value if isinstance(value, (str, bytes, dict, type(None))) else memoryview(value).tobytes()


def retained() -> list[tuple[int, Any]]:
    with shm.Reader("r", start="oldest") as reader:
        return [(reader.sequence, comparable(value)) for value in available(reader)]


def write(name: str, **options: Any) -> None:
    """Publishes the two values of a type."""
    with shm.Writer("r", **TYPES[name][0], **options) as writer:
        for value in TYPES[name][1]:
            writer.publish(value)


@pytest.mark.parametrize("one, other", PAIRS)
def test_another_type_is_refused_and_the_values_stay(region_directory: Path, one: str, other: str) -> None:
    write(one)
    before = retained()
    assert [number for number, _ in before] == [1, 2]
    image = (region_directory / "r").read_bytes()
    for slots in (None, 128):
        with pytest.raises(shm.TypeMismatch, match="cannot open region 'r' for writing: its (kind is|type does not match).*, or choose another name$"):
            shm.Writer("r", **TYPES[other][0], slots=slots)
        assert (region_directory / "r").read_bytes() == image
    with pytest.raises(shm.TypeMismatch, match="cannot open region 'r': its (kind|type)"):
        shm.Reader("r", **TYPES[other][0])
    assert retained() == before
    with shm.Writer("r") as writer:
        assert writer.publish(TYPES[one][1][0]) == 3 and writer.discarded == 0


@pytest.mark.parametrize("one, other", PAIRS)
def test_another_type_replaces_the_region_if_the_caller_asks_for_it(one: str, other: str) -> None:
    write(one)
    before = shm.inspect("r")
    reader = shm.Reader("r", start="oldest")
    options, values = TYPES[other]
    with shm.Writer("r", **options, replace=True) as writer:
        assert (writer.head, writer.discarded) == (2, before.retained) and retained() == []
        assert [writer.publish(value) for value in values] == [3, 4]
        assert retained() == [(3, comparable(values[0])), (4, comparable(values[1]))]
    info = shm.inspect("r")
    assert (info.lineage, info.first, info.epoch) == (before.lineage, 3, 2)
    received = [(reader.sequence, comparable(value), reader.restarted) for value in reader]
    assert received[-2:] == [(3, comparable(values[0]), False), (4, comparable(values[1]), False)]


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("replace", [False, True])
def test_the_same_type_keeps_the_values(name: str, replace: bool) -> None:
    write(name)
    write(name, replace=replace)
    with shm.Writer("r") as writer:
        writer.publish(TYPES[name][1][0])
    values = [comparable(value) for value in TYPES[name][1]]
    assert retained() == list(enumerate([*values, *values, values[0]], 1))


@pytest.mark.parametrize("name", ["bytes", "reading", "f4 2,2"])
@pytest.mark.parametrize("options", [{"slots": 16}, {"capacity": 100_000}, {"checksum": True}, {"mode": 0o644}])
def test_other_options_keep_the_values_without_replace(name: str, options: dict[str, Any]) -> None:
    write(name)
    before = retained()
    shm.Writer("r", **options).close()
    assert retained() == before
    shm.Writer("r", **TYPES[name][0]).close()
    assert retained() == before


@pytest.mark.parametrize("name", ["bytes", "reading", "f4 2,2"])
def test_a_smaller_capacity_changes_nothing(name: str) -> None:
    """Reported 11: a capacity is a minimum. A region with larger slots satisfies it, and loses nothing."""
    write(name, capacity=10_000)
    before = retained()
    for options in ({}, {**TYPES[name][0], "replace": True}):
        for capacity in (0, 8, 9992, 10_000):
            with shm.Writer("r", **options, capacity=capacity) as writer:
                assert writer.capacity == 10_000 and writer.discarded == 0
    assert retained() == before and shm.inspect("r").file_number == 1
    with shm.Writer("r", slots=128, capacity=8) as writer:
        assert writer.capacity == 10_000
    assert retained() == before


def test_fewer_slots_change_nothing_and_lose_nothing() -> None:
    """Reported 11: a number of slots is a minimum, too."""
    with shm.Writer("r", "text", slots=8, capacity=8) as writer:
        for text in ("a", "b", "a long text of 25 letters", "d", "e"):
            writer.publish(text)
    before = retained()
    for options in ({}, {"kind": "text", "replace": True}):
        with shm.Writer("r", slots=2, capacity=8, **options) as writer:  # type: ignore[arg-type]
            assert (writer.slots, writer.capacity, writer.discarded) == (8, 32, 0)
    assert retained() == before and shm.inspect("r").file_number == 2
    with shm.Writer("r", slots=16, capacity=100) as writer:
        assert (writer.slots, writer.capacity) == (16, 104)
    assert retained() == before
    with shm.Writer("r", "json", replace=True, slots=2, capacity=8) as writer:
        assert (writer.slots, writer.capacity, writer.discarded) == (2, 8, 5)


def test_a_start_with_the_first_arguments_takes_a_region_whose_slots_have_grown() -> None:
    """Reported 11."""
    with shm.Writer("r", "bytes", slots=64, capacity=8) as writer:
        writer.publish(bytes(40 << 20))
        assert writer.slots == 4
    with shm.Writer("r", slots=64, capacity=8) as writer:
        assert (writer.slots, writer.capacity) == (4, 40 << 20), "not 64 slots of 40 MiB"


def test_a_region_that_grew_is_not_made_smaller_either() -> None:
    with shm.Writer("r", capacity=8) as writer:
        writer.publish(bytes(100))
    with shm.Writer("r", capacity=8) as writer:
        assert writer.capacity == 104
    assert retained() == [(1, bytes(100))] and shm.inspect("r").file_number == 2


def test_a_region_that_is_replaced_by_another_type_can_get_a_smaller_capacity() -> None:
    write("text", capacity=10_000)
    with shm.Writer("r", "json", replace=True, capacity=100) as writer:
        assert (writer.capacity, writer.discarded) == (104, 2)
    with shm.Writer("r", "text", replace=True) as writer:
        assert writer.capacity == 104


def test_every_writer_that_has_the_lock_removes_an_unfinished_file(region_directory: Path) -> None:
    """It can be as large as the region. Without the lock, it may belong to a writer that is replacing the region."""
    write("text")
    refused: list[dict[str, Any]] = [{"kind": "json"}, {"dtype": "<f4", "shape": (2,)}]
    for options in [*refused, {}]:
        (region_directory / ".r.new").write_bytes(b"of a writer that died")
        with pytest.raises(shm.BadOption):
            shm.Writer("r", slots=3, **options)
        assert (region_directory / ".r.new").read_bytes() == b"of a writer that died"
        if options:
            with pytest.raises(shm.TypeMismatch):
                shm.Writer("r", **options)
        else:
            shm.Writer("r").close()
        assert sorted(os.listdir(region_directory)) == [".r.lock", "r"]
    with shm.Writer("r"):
        (region_directory / ".r.new").write_bytes(b"of a writer that replaces the region")
        with pytest.raises(shm.WriterAlive):
            shm.Writer("r")
        assert (region_directory / ".r.new").exists()


def test_a_refused_writer_does_not_disturb_the_next() -> None:
    write("text")
    epoch = shm.inspect("r").epoch
    with pytest.raises(shm.TypeMismatch):
        shm.Writer("r", "json")
    assert (shm.inspect("r").epoch, shm.inspect("r").state, shm.inspect("r").writer) == (epoch, "closed", "gone")


def test_a_damaged_type_is_replaced_only_if_the_caller_asks_for_it(region_directory: Path) -> None:
    from test_format import with_crc

    write("reading")
    image = bytearray((region_directory / "r").read_bytes())
    struct.pack_into("<Q", image, 112, 1)  # a fingerprint that does not match the schema
    (region_directory / "r").write_bytes(with_crc(bytes(image)))
    for options in ({}, {"kind": "text"}):
        with pytest.raises(shm.Damaged, match="fingerprint"):
            shm.Writer("r", **options)  # type: ignore[arg-type]
    with shm.Writer("r", "text", replace=True) as writer:
        assert writer.publish("sound") == 3


def test_an_unknown_kind_is_replaced_only_if_the_caller_asks_for_it(region_directory: Path) -> None:
    from test_format import with_crc

    write("text")
    image = bytearray((region_directory / "r").read_bytes())
    struct.pack_into("<I", image, 96, 9)
    (region_directory / "r").write_bytes(with_crc(bytes(image)))
    assert shm.inspect("r").kind == "unknown (9)"
    for options in ({}, {"kind": "text"}, {"schema": READING}):
        with pytest.raises(shm.UnknownFormat, match="its kind has number 9"):
            shm.Writer("r", **options)  # type: ignore[arg-type]
    with shm.Writer("r", "text", replace=True) as writer:
        assert (writer.publish("known"), writer.discarded) == (3, 2)


def test_a_reader_follows_a_region_of_another_kind_unless_a_kind_was_given() -> None:
    write("text")
    readers = [shm.Reader("r", start="new"), shm.Reader("r", start="new", kind="text")]
    write("json", replace=True)
    assert list(readers[0]) == TYPES["json"][1] and readers[0].kind == "json"
    with pytest.raises(shm.TypeMismatch, match="its kind is 'json', not 'text'"):
        readers[1].recv(5)


STRUCT = '{"type": {"TYPENAME": "R"}, "types": {"R": {"STRUCT": [%s]}}}'
ENUM = '{"type": {"TYPENAME": "R"}, "types": {"R": {"ENUM": {%s}}}}'
PLAIN = '{"type": %s, "types": {}}'


@pytest.mark.parametrize(
    "region, request_, difference",
    [
        (STRUCT % '{"a": "STR"}, {"b": "F64"}', STRUCT % '{"a": "STR"}, {"b": "F32"}', "value.b is F64, not F32"),
        (STRUCT % '{"a": "STR"}, {"b": "F64"}', STRUCT % '{"a": "STR"}', "it has value.b, but the given schema does not"),
        (STRUCT % '{"a": "STR"}', STRUCT % '{"a": "STR"}, {"b": "F64"}', "it has no value.b, but the given schema has it"),
        (STRUCT % '{"a": "STR"}', STRUCT % '{"c": "STR"}', "it has value.a, but the given schema does not"),
        (STRUCT % '{"a": "STR"}', PLAIN % '"STR"', "value is 'R', not STR"),
        (PLAIN % '{"SEQ": {"OPTION": "U8"}}', PLAIN % '{"SEQ": {"OPTION": "I8"}}', "value[] is U8, not I8"),
        (PLAIN % '{"TUPLE": ["U8", "I8"]}', PLAIN % '{"TUPLE": ["U8", "STR"]}', "value[1] is I8, not STR"),
        (PLAIN % '{"MAP": {"KEY": "U8", "VALUE": "STR"}}', PLAIN % '{"MAP": {"KEY": "U8", "VALUE": "U8"}}',
         "value.value is STR, not U8"),
        (ENUM % '"0": {"A": "UNIT"}', ENUM % '"0": {"A": "UNIT"}, "1": {"B": "UNIT"}', "it has no value.1.B, but"),
        (ENUM % '"0": {"A": "UNIT"}', ENUM % '"0": {"A": {"NEWTYPE": "U8"}}', "value.0.A is UNIT, not {'NEWTYPE': 'U8'}"),
        ('{"dtype": "<f4", "shape": [2]}', '{"dtype": "<f8", "shape": [2]}', "its dtype is '<f4', not '<f8'"),
        ('{"dtype": "<f4", "shape": [2]}', '{"dtype": "<f4", "shape": [3]}', "its shape is [2], not [3]"),
        ('{"name": "R", "version": 1}', '{"name": "R", "version": 2}', "its version is 1, not 2"),
        ('{"name": "R", "version": 1}', PLAIN % '"U8"', "its schema describes only the name and version of a type, not all"),
        (None, PLAIN % '"U8"', "it has no schema to compare with"),
    ],
)  # fmt: skip
def test_the_first_difference_is_named(region: str | None, request_: str, difference: str) -> None:
    shm.Writer("r", "bincode" if region is None else None, schema=region).close()
    for open_region in (shm.Writer, shm.Reader):
        with pytest.raises(shm.TypeMismatch) as caught:
            open_region("r", schema=request_)  # type: ignore[operator]
        assert difference in str(caught.value)


def test_a_difference_deep_in_a_chain_of_types_is_found() -> None:
    def chain(end: str) -> dict[str, Any]:
        types = {f"T{number}": {"STRUCT": [{"next": {"OPTION": {"TYPENAME": f"T{number + 1}"}}}]} for number in range(5000)}
        return {"type": {"TYPENAME": "T0"}, "types": {**types, "T5000": {"STRUCT": [{"end": end}]}}}

    shm.Writer("r", schema=chain("U8")).close()
    with pytest.raises(shm.TypeMismatch, match=r"value\.next\.next.*\.\.\. is U8, not I8"):
        shm.Writer("r", schema=chain("I8"))


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"kind": "text", "dtype": "<f4", "shape": (1,)}, "dtype and shape cannot be combined with kind='text'"),
        ({"kind": "bytes", "schema": READING}, "schema cannot be combined with kind='bytes'"),
        ({"kind": "array", "schema": READING}, "schema cannot be combined with kind='array'"),
        ({"dtype": "<f4", "shape": (1,), "schema": READING}, "cannot be combined with schema"),
        ({"dtype": "<f4"}, "dtype was given without shape"),
        ({"shape": (1,)}, "shape was given without dtype"),
        ({"kind": "novel"}, "there is no kind 'novel'; use one of 'bytes', 'text'"),
        ({"dtype": "nonsense", "shape": ()}, "dtype"),
    ],
)
def test_an_option_that_does_not_apply_is_an_error(options: dict[str, Any], complaint: str) -> None:
    write("text")
    for open_region in (shm.Writer, shm.Reader):
        with pytest.raises(ValueError, match=complaint):
            open_region("r", **options)
    assert len(retained()) == 2


@pytest.mark.parametrize("options", [{"replace": True}, {"replace": True, "kind": "array"}])
def test_replacing_needs_a_kind_or_type(options: dict[str, Any]) -> None:
    write("text")
    with pytest.raises(ValueError):
        shm.Writer("r", **options)
    assert len(retained()) == 2
