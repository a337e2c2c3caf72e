"""Names: readers and writers have the same members, and the fields of `Info` have the names of the glossary."""

from __future__ import annotations

import dataclasses
import inspect
import os
from pathlib import Path
from typing import Any

import pytest
import shm

COMMON = {"name", "kind", "schema", "array", "head", "slots", "capacity", "close", "closed"}
OF_A_READER = {
    "latest", "view", "recv", "try_recv", "follow", "seek", "sequence", "lost", "time", "restarted", "ended", "writer",
}  # fmt: skip
OF_A_WRITER = {"publish", "remove", "discarded"}
INFO = """region kind schema array slots capacity retained region_bytes checksum state writer pid owner mode first head
newest_time created started epoch lineage file_number origin boot_id bell stride payload_offset payload_alignment
descriptor_bytes fingerprint spin_ns version compatible incompatible""".split()


def members(handle: type) -> set[str]:
    return {name for name in dir(handle) if not name.startswith("_")}


def test_readers_and_writers_have_the_same_members() -> None:
    assert members(shm.Reader) == COMMON | OF_A_READER
    assert members(shm.Writer) == COMMON | OF_A_WRITER


def test_every_public_member_is_documented() -> None:
    for handle in (shm.Reader, shm.Writer, shm.View):
        for name in members(handle):
            member = inspect.getattr_static(handle, name)
            assert inspect.getdoc(member) or inspect.ismemberdescriptor(member), f"{handle.__name__}.{name}"
    for name in shm.__all__:
        assert getattr(shm, name).__doc__, name


@pytest.mark.parametrize("options", [{"kind": "text"}, {"dtype": "<f4", "shape": (2, 3)}, {"schema": {"name": "R", "version": 1}}])
def test_readers_and_writers_have_the_same_properties(options: dict[str, Any]) -> None:
    with shm.Writer("r", **options, slots=8, capacity=100) as writer, shm.Reader("r") as reader:
        for value in ("a", "b"):
            writer.publish(value if options.get("kind") else bytes(24))
        for name in sorted(COMMON - {"close"}):
            assert getattr(writer, name) == getattr(reader, name), name
        assert (writer.head, writer.slots, writer.capacity) == (2, 8, 104)
        info = shm.inspect("r")
        for name in COMMON & set(INFO):
            assert getattr(writer, name) == getattr(info, name), name
        assert not reader.closed and not writer.closed
    assert reader.closed and writer.closed


def test_the_fields_of_info_have_the_names_of_the_glossary() -> None:
    assert [field.name for field in dataclasses.fields(shm.Info)] == INFO


def test_info_describes_the_region(region_directory: Path) -> None:
    with shm.Writer("r", dtype="<u2", shape=(2,), slots=4, checksum=True, mode=0o640) as writer:
        for _ in range(6):
            writer.publish(bytes(4))
        info = shm.inspect("r")
    assert (info.region, info.kind, info.slots, info.capacity, info.head, info.retained) == ("r", "array", 4, 8, 6, 4)
    assert (info.array, info.schema) == ({"dtype": "<u2", "shape": [2]}, None)
    assert (info.owner, info.mode, info.pid, info.writer) == (os.getuid(), 0o640, os.getpid(), "alive")
    assert (info.version, info.compatible, info.incompatible, info.checksum) == ("0.1", 1, 0, True)
    assert info.region_bytes == (region_directory / "r").stat().st_size and info.stride == 64
    assert (info.origin, len(info.boot_id), len(info.fingerprint), info.bell) == ("0" * 32, 32, 16, 6)
    assert (info.payload_offset, info.payload_alignment, info.spin_ns, info.descriptor_bytes) == (24, 8, 20_000, 40)
    with shm.Writer("text", "text"):
        info = shm.inspect("text")
    assert (info.array, info.schema, info.fingerprint, info.retained, info.newest_time) == (None, None, "0" * 16, 0, None)


def test_retained_is_how_many_values_can_still_be_read() -> None:
    for number in range(1, 7):
        with shm.Writer("r", "text", slots=4) as writer:
            writer.publish(str(number))
        assert shm.inspect("r").retained == min(number, 4) == len(list(shm.Reader("r", start="oldest")))
    shm.Writer("r", "json", replace=True).close()
    assert (shm.inspect("r").retained, shm.inspect("r").head, shm.inspect("r").first) == (0, 6, 7)


@pytest.mark.parametrize(
    "position, expected", [("latest", "d"), ("oldest", "abcd"), ("new", ""), (1, "abcd"), (3, "cd"), (5, ""), (6, "")]
)
def test_seek_accepts_the_same_positions_as_start(position: str | int, expected: str) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        for value in "abcd":
            writer.publish(value)
    for start in ("oldest", "latest", "new"):
        reader = shm.Reader("r", start=start)
        reader.seek(position)
        assert not reader.ended and list(reader) == list(shm.Reader("r", start=position)) == list(expected)


def test_seek_counts_overwritten_values_as_lost_and_refuses_invalid_positions() -> None:
    with shm.Writer("r", "text", slots=4) as writer, shm.Reader("r") as reader:
        for value in "abcdefgh":
            writer.publish(value)
        reader.seek(2)
        assert (reader.recv(), reader.lost, reader.sequence) == ("e", 3, 5)
        reader.seek("oldest")
        assert (reader.recv(), reader.lost) == ("e", 0)
        for position in ("first", 0, -1, True, 1.5):
            with pytest.raises(ValueError, match="position=.* is not a position"):
                reader.seek(position)  # type: ignore[arg-type]


def test_seek_finds_a_region_that_was_created_again() -> None:
    with shm.Writer("r", "text") as writer:
        writer.publish("old")
        reader = shm.Reader("r")
        assert reader.recv() == "old"
        writer.remove()
    with shm.Writer("r", "text") as writer:
        writer.publish("new")
        assert reader._region.map  # the old file is still mapped
        reader._compare_at = 0
        reader.seek("oldest")
        assert (reader.recv(0), reader.sequence, reader.restarted) == ("new", 1, True)
