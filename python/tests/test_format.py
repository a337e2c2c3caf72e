"""The bytes of a file: the example in FORMAT.md, and files that must be refused."""

from __future__ import annotations

import errno
import gc
import os
import random
import re
import struct
import time
import zlib
from pathlib import Path

import pytest
import shm
from provoke import refusing
from shm import _files, _format, _linux

# Copied from FORMAT.md, section 6.
EXAMPLE = """
00000000: 7368 6d00 7269 6e67 0000 0100 0010 0000  shm.ring........
00000010: 0100 0000 0000 0000 0000 0000 0000 0000  ................
00000020: 0020 0000 0000 0000 833e 13fc d164 a764  . .......>...d.d
00000030: 5ae2 a7f7 968f 70d2 0100 0000 0000 0000  Z.....p.........
00000040: 0200 0000 0000 0000 0800 0000 0000 0000  ................
00000050: 4000 0000 0000 0000 1800 0000 0800 0000  @...............
00000060: 0200 0000 0000 0000 0000 0000 0000 0000  ................
00000070: 0000 0000 0000 0000 204e 0000 0000 0000  ........ N......
00000080: f801 01f0 9788 c1b4 0b44 463f 9cfa 5b3e  .........DF?..[>
00000090: 0000 0000 0000 0000 0000 0000 0000 0000  ................
000000a0: a3a1 b732 ac81 ea18 0000 0000 0000 0000  ...2............
000000b0: 0000 0000 0000 0000 0000 0000 0000 0000  ................
*
000000f0: 0000 0000 0000 0000 0000 0000 4875 6872  ............Huhr
00000100: 0100 0000 0000 0000 cfa8 b832 ac81 ea18  ...........2....
00000110: e43b 0000 0000 0000 0000 0000 0000 0000  .;..............
00000120: 0000 0000 0000 0000 0000 0000 0000 0000  ................
*
00000180: 0200 0000 0200 0000 0100 0000 0000 0000  ................
00000190: 0100 0000 0000 0000 0000 0000 0000 0000  ................
000001a0: 0000 0000 0000 0000 0000 0000 0000 0000  ................
*
00001040: 0200 0000 0000 0000 0200 0000 0000 0100  ................
00001050: a737 b932 ac81 ea18 6869 0000 0000 0000  .7.2....hi......
00001060: a7f6 4aad 0000 0000 0000 0000 0000 0000  ..J.............
00001070: 0000 0000 0000 0000 0000 0000 0000 0000  ................
*
00001ff0: 0000 0000 0000 0000 0000 0000 0000 0000  ................
"""


def example() -> bytes:
    image = bytearray(8192)
    for line in EXAMPLE.split("\n"):
        if match := re.match(r"([0-9a-f]{8}): ((?:[0-9a-f]{4} ){8})", line):
            at = int(match[1], 16)
            image[at : at + 16] = bytes.fromhex(match[2])
    return bytes(image)


def with_crc(image: bytes) -> bytes:
    return image[:252] + struct.pack("<I", zlib.crc32(image[:252])) + image[256:]


def patched(at: int, layout: str, value: int | bytes, image: bytes | None = None) -> bytes:
    """Returns the example with one field changed, and with the CRC of the changed header."""
    image = image or example()
    field = struct.pack("<" + layout, value)
    return with_crc(image[:at] + field + image[at + len(field) :])


def refusal(directory: Path, image: bytes) -> type[shm.Error] | None:
    """Returns the class of the error that a reader raises for a file with these bytes, or None if it raises none."""
    (directory / "hostile").write_bytes(image)
    try:
        with shm.Reader("hostile", start="oldest") as reader:
            reader.latest()
            reader.view()
            for _ in range(5):
                reader.recv(0)
    except (shm.TimedOut, shm.Ended, shm.Empty):
        return None
    except shm.Error as error:
        assert "'hostile'" in str(error)
        return type(error)
    return None


def test_the_example_in_the_document_is_read(region_directory: Path) -> None:
    (region_directory / "tiny").write_bytes(example())
    with shm.Reader("tiny") as reader:
        assert (reader.kind, reader.latest(), reader.sequence, reader.lost) == ("text", "hi", 1, 0)
        assert reader.time == 0x18EA81AC32B937A7
        with pytest.raises(shm.Ended):
            reader.recv()
        assert reader.ended
    info = shm.inspect("tiny")
    assert (info.slots, info.capacity, info.region_bytes, info.checksum) == (2, 8, 8192, True)
    assert (info.state, info.writer, info.head, info.first, info.pid) == ("closed", "unknown", 1, 1, 15332)
    assert info.lineage == "d2708f96f7a7e25a64a764d1fc133e83"


def test_a_header_is_written_as_in_the_example() -> None:
    header = _format.parse(example()[:256], 8192, 1 << 40)
    assert header.pack() == example()[:256]
    assert header.with_sizes() == header
    assert f"{header.boot_id:032x}" == "3e5bfa9c3f46440bb4c18897f00101f8"


def test_checksums_are_computed_as_the_document_says() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926 and zlib.crc32(b"") == 0
    assert _format.checksum(1, 2 | 1 << 48, b"hi") == 0xAD4AF6A7


@pytest.mark.parametrize(
    "image, error",
    [
        (b"", shm.NotARegion),
        (b"shm\0rin", shm.NotARegion),
        (b"#!/bin/sh\n" + bytes(9000), shm.NotARegion),
        (example()[:8], shm.Damaged),
        (example()[:4095], shm.Damaged),
        (example()[:-1], shm.Damaged),
        (example() + b"\0", shm.Damaged),
        (patched(8, "H", 1), shm.UnknownFormat),
        (patched(10, "H", 2), shm.UnknownFormat),
        (example()[:252] + bytes(4) + example()[256:], shm.Damaged),
        (patched(24, "Q", 1 << 63), shm.UnknownFormat),
        (patched(12, "I", 8192), shm.Damaged),
        (patched(32, "Q", 8200), shm.Damaged),
        (patched(64, "Q", 0), shm.Damaged),
        (patched(64, "Q", 1), shm.Damaged),
        (patched(64, "Q", 3), shm.Damaged),
        (patched(64, "Q", 1 << 63), shm.Damaged),
        (patched(72, "Q", 0), shm.Damaged),
        (patched(72, "Q", 12), shm.Damaged),
        (patched(72, "Q", (1 << 64) - 8), shm.Damaged),
        (patched(80, "Q", 0), shm.Damaged),
        (patched(80, "Q", 72), shm.Damaged),
        (patched(80, "Q", (1 << 64) - 64), shm.Damaged),
        (patched(88, "I", 16), shm.Damaged),
        (patched(88, "I", 28), shm.Damaged),
        (patched(88, "I", 48), shm.Damaged),
        (patched(92, "I", 0), shm.Damaged),
        (patched(92, "I", 24), shm.Damaged),
        (patched(92, "I", 16), shm.Damaged),
        (patched(92, "I", 8192), shm.Damaged),
        (patched(96, "I", 0), shm.UnknownFormat),
        (patched(96, "I", 6), shm.UnknownFormat),
        (patched(96, "I", 4), shm.Damaged),
        (patched(100, "I", 1048577), shm.Damaged),
        (patched(104, "I", 1), shm.Damaged),
        (patched(112, "Q", 1), shm.Damaged),
        (patched(120, "Q", 1_000_000_001), shm.Damaged),
    ],
)
def test_invalid_files_are_refused(region_directory: Path, image: bytes, error: type[shm.Error]) -> None:
    assert refusal(region_directory, image) is error


def test_optional_features_and_reserved_bytes_are_ignored(region_directory: Path) -> None:
    assert refusal(region_directory, patched(16, "Q", 0xF1)) is None  # compatible features
    assert refusal(region_directory, patched(108, "I", 7)) is None  # reserved bytes
    assert refusal(region_directory, patched(200, "Q", 7)) is None
    assert refusal(region_directory, patched(144, "16s", b"o" * 16)) is None
    assert refusal(region_directory, patched(0x1048, "Q", 2 | 1 << 48, example())) is None


def test_file_systems_of_other_machines_are_refused(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/proc/self/status") as file:
        assert _linux.file_system(file.fileno()) == 0x9FA0  # the kernel's number for procfs
    (region_directory / "tiny").write_bytes(example())
    shm.Reader("tiny").close()
    monkeypatch.setattr(_linux, "file_system", lambda descriptor: 0xFF534D42)
    for use in (shm.Reader, shm.Writer, shm.inspect):
        with pytest.raises(shm.Unsupported, match="'tiny'( for writing)?: it is on CIFS"):
            use("tiny")
    with pytest.raises(shm.Unsupported):
        shm.Writer("new")
    assert os.listdir(region_directory) == ["tiny"]


def test_a_region_above_the_limit_is_refused(region_directory: Path) -> None:
    (region_directory / "tiny").write_bytes(example())
    with pytest.raises(shm.TooLarge):
        shm.Reader("tiny", limit=8191)
    shm.Reader("tiny", limit=8192).close()


@pytest.mark.parametrize(
    "at, layout, value",
    [
        (0x180, "I", 0),  # a state that does not exist
        (0x180, "I", 5),
        (0x188, "Q", 3),  # a head whose slot does not contain that value
        (0x188, "Q", (1 << 62) + 1),
        (0x188, "Q", (1 << 64) - 1),
        (0x1040, "Q", 3),  # a stamp that belongs in another slot
        (0x1040, "Q", (1 << 63) + 2),
        (0x1048, "Q", 9 | 1 << 48),  # a length that exceeds the capacity
        (0x1048, "Q", (1 << 64) - 1),
        (0x1048, "Q", 2),  # a missing checksum
        (0x1060, "Q", 0xAD4AF6A6),  # a wrong checksum
        (0x1060, "Q", 0xAD4AF6A7 | 1 << 32),
        (0x1058, "2s", b"ho"),
    ],
)
def test_an_inconsistent_ring_is_damaged(
    region_directory: Path, at: int, layout: str, value: int | bytes
) -> None:
    assert refusal(region_directory, patched(at, layout, value)) is shm.Damaged


def test_hostile_values_of_first_read_as_empty_or_damaged(region_directory: Path) -> None:
    assert refusal(region_directory, patched(0x190, "Q", 0)) in (None, shm.Damaged)
    assert refusal(region_directory, patched(0x190, "Q", (1 << 64) - 1)) is shm.Damaged
    empty = patched(0x190, "Q", 0, patched(0x188, "Q", 0))
    assert refusal(region_directory, empty) is shm.Damaged


def test_a_huge_hostile_ring_is_refused_quickly(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "_SPARSE", 1 << 40)  # allows a file of holes, which saves gigabytes
    slots = 1 << 28
    image = patched(64, "Q", slots, patched(32, "Q", 4096 + 64 * slots, patched(0x188, "Q", 1 << 40)))
    with open(region_directory / "huge", "wb") as file:
        file.write(image[:4096])
        file.truncate(4096 + 64 * slots)
    reader = shm.Reader("huge", start=1)
    start = time.monotonic()
    with pytest.raises(shm.Busy):
        reader.recv(0)
    with pytest.raises(shm.Damaged):
        reader.latest()
    assert time.monotonic() - start < 10


def test_every_flipped_bit_of_the_header_is_noticed(region_directory: Path) -> None:
    image = example()
    for bit in range(256 * 8):
        flipped = bytearray(image)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refusal(region_directory, bytes(flipped)) is not None, f"bit {bit}"


def test_random_damage_raises_no_other_error(region_directory: Path) -> None:
    chance = random.Random(1)
    interesting = [0, 1, 2, 3, 7, 8, 1 << 31, (1 << 48) - 1, 1 << 62, (1 << 62) + 1, (1 << 63) - 1, (1 << 64) - 1]
    for _ in range(1500):
        image = bytearray(example())
        for _ in range(chance.randint(1, 4)):
            at = 8 * chance.choice([*range(32, 64), *range(512, 528), *range(2, 31)])
            value = chance.choice(interesting) if chance.random() < 0.7 else chance.getrandbits(64)
            struct.pack_into("<Q", image, at, value)
        refusal(region_directory, with_crc(bytes(image)))


def test_a_refused_file_is_not_kept_open(region_directory: Path) -> None:
    """An error that a local variable refers to keeps its traceback, and that the reader, until garbage is collected."""
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        for at in [*range(2, 31), *range(32, 64), *range(512, 528)]:
            for value in (0, 3, 1 << 62, (1 << 64) - 1):
                image = bytearray(example())
                struct.pack_into("<Q", image, 8 * at, value)
                refusal(region_directory, with_crc(bytes(image)))
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_files_that_are_not_regions_are_refused_and_not_changed(region_directory: Path) -> None:
    (region_directory / "folder").mkdir()
    os.mkfifo(region_directory / "pipe")
    (region_directory / "real").write_bytes(example())
    (region_directory / "link").symlink_to("real")
    (region_directory / "note").write_text("shopping")
    for name in ("folder", "pipe", "link", "note"):
        for use in (shm.Reader, shm.Writer):
            with pytest.raises(shm.NotARegion):
                use(name)
    assert (region_directory / "note").read_text() == "shopping"
    assert [region.name for region in shm.regions()] == ["real"]
    assert not list(region_directory.glob(".*"))


def test_a_region_that_cannot_be_read_is_listed_with_the_problem(
    region_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that this user may not open counts as a region if it has a lock file, as in the Rust library."""
    with shm.Writer("r"):
        pass
    (region_directory / "note").write_text("shopping")
    opened = _files.Location.open

    def refuse(location: _files.Location, file: str, flags: int) -> int:
        if file in ("r", "note"):
            raise PermissionError(13, "Permission denied")
        return opened(location, file, flags)

    monkeypatch.setattr(_files.Location, "open", refuse)
    (region,) = shm.regions()
    assert (region.name, region.info) == ("r", None) and "this user may not read its file" in region.problem
    monkeypatch.setattr(_files.Location, "open", refusing(errno.EIO))
    problem = "the operating system reports 'Input/output error'"
    assert [(region.name, problem in region.problem) for region in shm.regions()] == [("note", True), ("r", True)]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "-x", "a b", "a\0b", "ä", "x" * 201, "a/", "/", "a\n", "a\0/b"])
def test_bad_names_are_refused(name: str) -> None:
    for use in (shm.Reader, shm.Writer, shm.inspect):
        with pytest.raises(shm.BadName):
            use(name)


def test_names_and_paths_refer_to_the_same_region(region_directory: Path) -> None:
    longest = "x" * 200
    with shm.Writer(longest) as writer:
        writer.publish(b"1")
    assert shm.Reader(f"{region_directory}/{longest}").latest() == b"1"
    assert shm.Reader(region_directory / longest).latest() == b"1"
    for name in ("absent", "no/such/directory"):
        with pytest.raises(shm.NotFound):
            shm.Reader(name)


def test_a_descriptor_is_a_list_of_records() -> None:
    def record(tag: int, content: bytes) -> bytes:
        return struct.pack("<II", tag, len(content)) + content + bytes(-len(content) % 8)

    assert _format.schema_in(b"") is None
    assert _format.schema_in(record(9, b"?") + record(1, b"first") + record(1, b"second") + bytes(8)) == b"first"
    assert _format.descriptor_of(b"{}") == record(1, b"{}")
    for broken in (b"\1", record(1, b"abc")[:-1], struct.pack("<II", 9, 1 << 31), record(1, b"ok") + b"more"):
        with pytest.raises(shm.Damaged):
            _format.schema_in(broken)


def test_fingerprints_are_computed_as_the_document_says() -> None:
    assert _format.fingerprint_of(None) == 0
    assert _format.fingerprint_of(b"") == 0xCBF29CE484222325
    assert _format.fingerprint_of(b'{"dtype":"|u1","shape":[480,640,3]}') == 0x900A3CC5DB178AC3
