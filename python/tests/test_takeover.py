"""Taking over a region: the state that the next writer finds, and the values that it keeps."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest
import shm
from conftest import available, poke, publish, retained, until
from provoke import refusing
from shm import _files, _lock


def test_a_value_that_was_complete_before_its_writer_died_is_kept(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
    poke(region_directory / "r", 392, "Q", 1)  # as if the writer had died before it stored the head
    with shm.Writer("r") as writer:
        assert writer.head == 3
    assert [value for _, value in retained()] == ["a", "b", "c"]


def test_the_newest_value_is_never_older_than_one_that_was_received(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
        reader = shm.Reader("r", start="oldest")
        assert [reader.recv(0) for _ in range(3)] == ["a", "b", "c"]
        poke(region_directory / "r", 392, "Q", 2)
        assert reader.latest() == "c"
        assert list(available(reader)) == []
        assert [shm.Reader("r", start=start).latest() for start in ("oldest", 2, 9)] == ["b"] * 3


def test_a_file_with_the_temporary_name_does_not_stop_a_writer(region_directory: Path) -> None:
    (region_directory / ".r.new").mkdir()  # like a file of another user, it cannot be removed with unlink
    with shm.Writer("r", "text", slots=8, capacity=8) as writer:
        publish(writer, "a", "b" * 5000)
    with shm.Writer("r", slots=16) as writer:
        assert writer.publish("c") == 3
    assert sorted(file.name for file in region_directory.iterdir()) == [".r.lock", ".r.new", "r"]
    writer = shm.Writer("r")
    writer.remove()
    assert [file.name for file in region_directory.iterdir()] == [".r.new"]


def test_the_number_of_an_unfinished_value_is_used_again(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"ab")
        at = 8 * writer._ring.slot_word(3)
    poke(region_directory / "r", at, "QQ", 5, 99)
    with shm.Writer("r") as writer:
        assert writer.publish("c") == 3
    assert [value for _, value in retained()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "poked, next_number, before, is_same_lineage",
    [
        ((392, 7), 8, ["a", "b", "c"], False),  # a head whose slot does not contain that value
        ((400, 0), 4, ["a", "b", "c"], True),
        ((400, 9), 4, [], True),
        (("slot 4", 9), 4, ["a", "b", "c"], True),  # a stamp that belongs in another slot
        (("slot 4", (1 << 64) - 1), 4, ["a", "b", "c"], True),
        (("slot 4", 2 * 12), 13, [""], True),  # a value after the head, which readers may have seen
        (("slot 4", 2 * 12 - 1), 12, [], False),  # an unfinished value; the values before it are missing
        (("slot 3", 0), 4, ["a", "b"], False),  # the newest value is missing
    ],
)
def test_an_inconsistent_ring_is_replaced(
    region_directory: Path,
    poked: tuple[int | str, int],
    next_number: int,
    before: list[str],
    is_same_lineage: bool,
) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
        slots = {f"slot {n}": 8 * writer._ring.slot_word(n) for n in range(8)}
    old = shm.inspect("r")
    at, value = poked
    poke(region_directory / "r", slots[at] if isinstance(at, str) else at, "Q", value)
    reader = shm.Reader("r") if at != 400 else None  # readers refuse an impossible first number
    with shm.Writer("r") as writer:
        assert writer.publish("new") == next_number
        new = shm.inspect("r")
        assert (new.lineage == old.lineage) == is_same_lineage
        assert (new.file_number, new.epoch) == ((2, 2) if is_same_lineage else (1, 1))
        assert [value for _, value in retained()] == [*before, "new"]
        follower = reader or shm.Reader("r")
        until(lambda: follower.latest() == "new" and follower.sequence == next_number)


def test_a_ring_without_its_newest_value_keeps_the_older_ones(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
    poke(region_directory / "r", 392, "Q", 7)
    with shm.Writer("r") as writer:
        assert (shm.Reader("r").latest(), shm.inspect("r").head) == ("c", 3)
        assert writer.publish("d") == 8
    assert retained() == [(1, "a"), (2, "b"), (3, "c"), (8, "d")]


def _recv_or_damaged(reader: shm.Reader) -> Any:
    try:
        return reader.recv(0.1)
    except shm.Damaged:
        return None


def test_a_region_without_unused_numbers_is_damaged(region_directory: Path) -> None:
    with shm.Writer("r"):
        pass
    poke(region_directory / "r", 392, "Q", 1 << 62)
    with pytest.raises(shm.Damaged, match="used up"):
        shm.Writer("r")
    assert retained_error() is shm.Damaged


def retained_error() -> type[shm.Error] | None:
    try:
        retained()
    except shm.Error as error:
        return type(error)
    return None


def test_a_damaged_header_is_refused_and_not_changed(region_directory: Path) -> None:
    with shm.Writer("r"):
        pass
    poke(region_directory / "r", 64, "Q", 32)
    before = (region_directory / "r").read_bytes()
    with pytest.raises(shm.Damaged, match="CRC"):
        shm.Writer("r")
    assert (region_directory / "r").read_bytes() == before


@pytest.mark.parametrize("checksum, closed", [(False, False), (False, True), (True, False), (True, True)])
def test_after_a_reboot_the_file_is_replaced(monkeypatch: pytest.MonkeyPatch, checksum: bool, closed: bool) -> None:
    writer = shm.Writer("r", "text", slots=8, checksum=checksum)
    publish(writer, *"abc")
    if closed:
        writer.close()
    else:
        writer._forget()  # as if the process had been killed
    before = shm.inspect("r")
    present = _files.boot_id()
    monkeypatch.setattr(_files, "boot_id", lambda: present ^ 1)
    monkeypatch.setattr(_files, "is_in_memory", lambda descriptor: False)
    reader = shm.Reader("r", start="oldest")
    with shm.Writer("r") as writer:
        assert writer.publish("d") == 4
    after = shm.inspect("r")
    if checksum or closed:
        assert [value for _, value in retained()] == ["a", "b", "c", "d"]
        assert (after.lineage, after.file_number) == (before.lineage, 2)
        assert [reader.recv(1) for _ in range(4)] == ["a", "b", "c", "d"] and not reader.restarted
    else:
        assert retained() == [(4, "d")]
        assert after.lineage != before.lineage and after.file_number == 1
        assert until(lambda: _recv_or_damaged(reader)) == "d" and reader.restarted


def test_files_that_others_could_change_are_not_written(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shm.Writer("r"):
        pass
    (region_directory / "r").chmod(0o620)
    with pytest.raises(shm.NotOurs, match="has mode 0o620, so other users may write to it"):
        shm.Writer("r")
    (region_directory / "r").chmod(0o600)
    os.link(region_directory / "r", region_directory / "second")
    with pytest.raises(shm.NotOurs, match="second name"):
        shm.Writer("r")
    os.unlink(region_directory / "second")
    (region_directory / ".r.lock").chmod(0o622)
    with pytest.raises(shm.NotOurs, match="its lock file"):
        shm.Writer("r")
    (region_directory / ".r.lock").unlink()
    (region_directory / ".r.lock").symlink_to("r")
    with pytest.raises(shm.NotOurs, match="its lock file"):
        shm.Writer("r")
    (region_directory / ".r.lock").unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(shm.NotOurs, match="belongs to user"):
        shm.Writer("r")


def test_unknown_compatible_features_and_records_are_kept(region_directory: Path) -> None:
    from test_format import example, with_crc

    image = bytearray(example())
    struct.pack_into("<Q", image, 16, 1 | 1 << 40)
    (region_directory / "r").write_bytes(with_crc(bytes(image)))
    (region_directory / "r").chmod(0o600)
    with shm.Writer("r") as writer:  # from another boot, closed and with checksums
        assert writer.publish("ho") == 2
    assert retained() == [(1, "hi"), (2, "ho")]
    assert (region_directory / "r").read_bytes()[16:24] == struct.pack("<Q", 1 | 1 << 40)


def test_a_writer_waits_for_a_program_that_holds_the_lock_only_for_a_moment(
    region_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that removes or cleans up regions. The pauses are those of the Rust library."""
    with shm.Writer("r"):
        pass
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(round(1000 * seconds))
        if len(pauses) == 6:
            other.free()

    other = _lock.Lock(_files.Location("r"))
    monkeypatch.setattr(_lock.time, "sleep", sleep)
    shm.Writer("r").close()
    assert pauses == [1, 2, 4, 8, 16, 32]
    other = _lock.Lock(_files.Location("r"))
    pauses[:] = [0] * 9
    with pytest.raises(shm.WriterAlive):
        shm.Writer("r")
    assert pauses[9:] == [1, 2, 4, 8, 16, 32]
    other.free()


def test_a_writer_that_creates_its_region_while_it_is_looked_for_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """It creates the lock file first, so this has to be looked for again."""
    opened, absent = _files.Location.open, [".r.lock"]

    def open_file(location: _files.Location, file: str, flags: int) -> int:
        if file in absent:
            absent.remove(file)
            raise FileNotFoundError
        return opened(location, file, flags)

    with shm.Writer("r"):
        monkeypatch.setattr(_files.Location, "open", open_file)
        assert shm.inspect("r").writer == "alive" and not absent
        monkeypatch.undo()


def test_whether_a_region_has_a_writer_is_unknown_if_its_directory_cannot_be_searched(
    region_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shm.Writer("r"), shm.Reader("r") as reader:
        (region_directory / ".r.lock").unlink()
        monkeypatch.setattr(os, "stat", refusing(errno.EACCES))
        assert (reader.writer(), shm.inspect("r").writer) == ("unknown", "unknown")
        monkeypatch.undo()
