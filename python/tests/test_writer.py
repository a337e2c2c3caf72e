"""Writing: making, taking over, growing, replacing, removing, and what must not happen."""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import shm
from conftest import available, until
from shm import _files, _linux, _request

Start = Callable[[str], "Popen[str]"]


def retained(name: str = "r") -> list[tuple[int, Any]]:
    """Numbers and values that a region holds."""
    with shm.Reader(name, start="oldest") as reader:
        return [(reader.sequence, value) for value in available(reader)]


def publish(writer: shm.Writer, *values: Any) -> None:
    for value in values:
        writer.publish(value)


def poke(path: Path, at: int, layout: str, *values: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(struct.pack("<" + layout, *values))


def hidden(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name.startswith("."))


def test_a_new_region_has_the_defaults(region_directory: Path) -> None:
    old = os.umask(0o077)
    try:
        with shm.Writer("r") as writer:
            assert writer.kind == "bytes" and writer.head == 0 and writer.name == "r"
        with shm.Writer("open", mode=0o644):
            pass
    finally:
        os.umask(old)
    info = shm.inspect("r")
    assert (info.kind, info.slots, info.capacity, info.checksum) == ("bytes", 64, 4096, False)
    assert (info.epoch, info.file_number, info.state, info.pid) == (1, 1, "closed", os.getpid())
    assert stat.S_IMODE(os.stat(region_directory / "r").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(region_directory / ".r.lock").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(region_directory / "open").st_mode) == 0o644
    assert os.stat(region_directory / "r").st_blocks * 512 >= info.region_bytes


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "texts"}, {"slots": 3}, {"slots": 1}, {"capacity": -1}, {"mode": 0o666}, {"dtype": "<f4"}, {"shape": (1,)},
        {"dtype": "<f3", "shape": ()}, {"dtype": "<f4", "shape": (1, 0)}, {"kind": "text", "schema": {"name": "x", "version": 1}},
        {"schema": {"type": "U7", "types": {}}}, {"schema": "{"}, {"kind": "array"},
        {"dtype": "<f4", "shape": (1,), "schema": {"name": "x", "version": 1}},
    ],
)  # fmt: skip
def test_options_that_can_never_be_right_are_refused(region_directory: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        shm.Writer("r", **options)
    assert os.listdir(region_directory) == []


def test_the_next_writer_goes_on_behind_the_last() -> None:
    for number in range(1, 4):
        with shm.Writer("r", "text") as writer:
            assert writer.head == number - 1
            assert writer.publish(str(number)) == number
    assert retained() == [(1, "1"), (2, "2"), (3, "3")]
    assert (shm.inspect("r").epoch, shm.inspect("r").file_number) == (3, 1)


def test_what_is_not_given_stays_as_found() -> None:
    with shm.Writer("r", dtype="<f4", shape=(2,), slots=4, capacity=100, checksum=True, mode=0o640) as writer:
        writer.publish(bytes(8))
    before = shm.inspect("r")
    with shm.Writer("r") as writer:
        assert writer.kind == "array"
        assert writer.publish(bytes(8)) == 2
    after = shm.inspect("r")
    assert after.file_number == 1 and after.slots == 4 and after.capacity == 104 and after.checksum
    assert after.array == before.array == {"dtype": "<f4", "shape": [2]}


def test_other_options_replace_the_region_and_keep_what_fits() -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abcdef")
    lineage = shm.inspect("r").lineage
    with shm.Writer("r", slots=4, checksum=True):
        pass
    assert retained() == [(3, "c"), (4, "d"), (5, "e"), (6, "f")]
    info = shm.inspect("r")
    assert (info.slots, info.checksum, info.first, info.head) == (4, True, 3, 6)
    assert (info.lineage, info.file_number, info.epoch) == (lineage, 2, 2)
    with shm.Writer("r", "json", replace=True) as writer:
        assert retained() == []
        assert writer.publish({}) == 7
    info = shm.inspect("r")
    assert (info.kind, info.first, info.lineage, info.file_number) == ("json", 7, lineage, 3)


def test_the_mode_is_changed_in_place(region_directory: Path) -> None:
    with shm.Writer("r"):
        pass
    with shm.Writer("r", mode=0o644) as writer:
        assert stat.S_IMODE(os.stat(region_directory / "r").st_mode) == 0o644
        writer.publish(bytes(100_000))
        assert stat.S_IMODE(os.stat(region_directory / "r").st_mode) == 0o644
    assert shm.inspect("r").file_number == 2


def test_large_values_get_room_and_fewer_slots() -> None:
    with shm.Writer("r", capacity=8) as writer:
        writer.publish(bytes(9))
        assert shm.inspect("r").capacity == 16
        writer.publish(bytes(1000))
        assert shm.inspect("r").capacity == 1000 and shm.inspect("r").slots == 64
        writer.publish(bytes(5 << 20))
        assert shm.inspect("r").slots == 8
        writer.publish(bytes(40 << 20))
        assert shm.inspect("r").slots == 4
    assert [number for number, _ in retained()] == [1, 2, 3, 4]
    large_array = _request.value_type(None, "<f8", (1000, 1000), None)
    assert _request.plan(None, None, _request.Request(large_array, False, None, None, None, None))[0].slots == 8


def test_there_is_one_writer(python: Start) -> None:
    with shm.Writer("r") as writer:
        with pytest.raises(shm.WriterAlive, match="cannot write region 'r'"):
            shm.Writer("r")
        child = python("try: shm.Writer('r')\nexcept shm.WriterAlive as e: print('alive')")
        assert child.stdout and child.stdout.readline() == "alive\n"
        assert shm.inspect("r").writer == "alive"
        writer.publish(b"still works")
    assert shm.inspect("r").writer == "gone"


def test_a_killed_writer_is_followed_by_the_next(python: Start) -> None:
    child = python("w = shm.Writer('r', 'text'); w.publish('last words'); print('ready'); sys.stdin.readline()")
    assert child.stdout and child.stdout.readline()
    reader = shm.Reader("r")
    child.kill()
    child.wait()
    info = shm.inspect("r")
    assert (info.state, info.writer) == ("open", "gone")
    with shm.Writer("r") as writer:
        assert writer.publish("hello") == 2
    assert list(reader) == ["last words", "hello"]


def test_writers_that_are_killed_at_any_time_leave_a_region_to_go_on_with(python: Start) -> None:
    chance = random.Random(5)
    code = (
        "w = shm.Writer('r', 'text', slots=4, checksum=True)\nprint(w.head)\n"
        "while True: w.publish(str(w.head + 1) * (w.head % 97 * (40 if w.head % 5000 == 0 else 1) + 1))"
    )
    reader = shm.Reader("r", open_timeout=0) if os.path.exists("r") else None
    seen = 0
    for _ in range(6):
        child = python(code)
        assert child.stdout and int(child.stdout.readline()) >= seen
        reader = reader or shm.Reader("r")
        for _ in range(chance.randrange(200)):
            value = reader.recv(20)
            seen = reader.sequence
            assert value == str(seen) * len(value[:: len(str(seen))])
        child.kill()
        child.wait()
    assert reader and not reader.restarted
    with shm.Writer("r") as writer:
        assert writer.head >= seen


def test_a_writer_that_is_dropped_or_forgotten_closes(python: Start) -> None:
    writer = shm.Writer("r", "text")
    del writer
    gc.collect()
    assert (shm.inspect("r").state, shm.inspect("r").writer) == ("closed", "gone")
    python("w = shm.Writer('r'); w.publish('x')").wait()
    assert (shm.inspect("r").state, shm.inspect("r").head) == ("closed", 1)


def test_a_closed_writer_refuses() -> None:
    writer = shm.Writer("r")
    writer.close()
    writer.close()
    with pytest.raises(shm.Gone, match="closed"):
        writer.publish(b"")
    with pytest.raises(shm.Gone, match="closed"):
        writer.remove()


def test_a_forked_child_refuses_and_leaves_the_lock_alone() -> None:
    writer = shm.Writer("r", "text")
    child = os.fork()
    if child == 0:
        try:
            writer.publish("from the child")
        except shm.Gone:
            writer.close()
            del writer
            gc.collect()
            os._exit(0 if shm.inspect("r").writer == "alive" else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert writer.publish("from the parent") == 1
    writer.close()


def test_a_forked_child_does_not_keep_the_lock(python: Start) -> None:
    child = python(
        "w = shm.Writer('r')\nif os.fork() == 0: print(os.getpid()); time.sleep(60); os._exit(0)\nsys.stdin.readline()"
    )
    assert child.stdout
    grandchild = int(child.stdout.readline())
    child.kill()
    child.wait()
    os.kill(grandchild, 0)
    shm.Writer("r").close()
    os.kill(grandchild, 9)


def test_removing_leaves_nothing(region_directory: Path) -> None:
    writer = shm.Writer("r")
    writer.publish(b"x")
    (region_directory / ".r.new").write_bytes(b"leftover")
    writer.remove()
    assert os.listdir(region_directory) == []
    with pytest.raises(shm.Gone):
        writer.remove()


def test_a_writer_notices_that_its_file_was_emptied(region_directory: Path) -> None:
    writer = shm.Writer("r")
    writer.publish(b"x")
    bytes_before = (region_directory / "r").stat().st_size
    os.truncate(region_directory / "r", 0)
    os.truncate(region_directory / "r", bytes_before)

    def is_damaged() -> bool:
        try:
            writer.publish(b"x")
        except shm.Damaged as error:
            return "emptied" in str(error)
        return False

    until(is_damaged)
    with pytest.raises(shm.Gone, match="emptied"):
        writer.publish(b"x")
    writer.close()


def test_a_region_that_is_mostly_holes_is_refused(region_directory: Path) -> None:
    shm.Writer("r", slots=2, capacity=1 << 25).close()
    shm.Reader("r").close()
    whole = (region_directory / "r").stat().st_size
    os.truncate(region_directory / "r", 4096)
    os.truncate(region_directory / "r", whole)
    for use in (shm.Reader, shm.Writer):
        with pytest.raises(shm.Damaged, match="bytes only [0-9]+ are stored"):
            use("r")


def test_a_writer_notices_that_its_region_is_gone(region_directory: Path) -> None:
    writer = shm.Writer("r")
    writer.publish(b"x")
    os.unlink(region_directory / "r")

    def is_gone() -> bool:
        try:
            writer.publish(b"x")
        except shm.Gone:
            return True
        return False

    until(is_gone)
    for use in (lambda: writer.publish(b"x"), writer.remove):
        with pytest.raises(shm.Gone):
            use()
    writer.close()
    assert os.listdir(region_directory) == []


def test_a_writer_that_must_grow_notices_at_once(region_directory: Path) -> None:
    for name in ("r", ".r.lock"):
        with shm.Writer("r") as writer:
            (region_directory / name).rename(region_directory / "away")
            with pytest.raises(shm.Gone):
                writer.publish(bytes(10_000))
        assert hidden(region_directory) in ([], [".r.lock"])
        os.unlink(region_directory / "away")


def test_a_file_that_could_not_be_made_leaves_nothing(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(_linux, "fallocate", full)
        with pytest.raises(shm.Error, match="cannot write region 'r': there is not enough free space"):
            shm.Writer("r")
    assert os.listdir(region_directory) == []
    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
        with monkeypatch.context() as broken:
            broken.setattr(_linux, "fallocate", full)
            with pytest.raises(shm.Error, match="not enough free space"):
                publish(writer, "b" * 10_000)
        publish(writer, "c")
    assert retained() == [(1, "a"), (2, "c")]
    assert hidden(region_directory) == [".r.lock"]


def test_a_rename_that_fails_goes_on_in_the_old_file(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, old: str, new: str) -> None:
        raise KeyboardInterrupt

    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
        with monkeypatch.context() as broken:
            broken.setattr(_files.Location, "rename", fail)
            with pytest.raises(KeyboardInterrupt):
                publish(writer, "b" * 10_000)
        assert shm.inspect("r").state == "open"
        assert hidden(region_directory) == [".r.lock"]
        assert writer.publish("c") == 2
    assert retained() == [(1, "a"), (2, "c")]


def test_a_value_that_is_too_large_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with shm.Writer("r") as writer:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            with pytest.raises(shm.TooLarge):
                writer.publish(bytes(1 << 20))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert writer.publish(b"small") == 1
    assert shm.inspect("r").file_number == 1


def test_a_signal_at_any_time_does_no_harm() -> None:
    chance = random.Random(9)
    is_armed = False

    def interrupt(number: int, frame: Any) -> None:
        nonlocal is_armed
        if is_armed:
            is_armed = False
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    interrupted = 0
    try:
        for region in range(30):
            with shm.Writer(f"r{region}", "text", slots=8, capacity=8) as writer:
                reader = shm.Reader(f"r{region}", start="oldest")
                value = 0
                for _ in range(60):
                    value += 1
                    length = chance.choice([1, 8, writer._capacity + 1])
                    published = False
                    try:
                        is_armed = True
                        signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 1e-4 if length <= 8 else 1e-3))
                        writer.publish(str(value).rjust(min(length, 1 << 20)))
                        published = True
                        is_armed = False
                    except KeyboardInterrupt:
                        interrupted += 1
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    got = [int(text) for text in available(reader)]
                    assert got == [value] or (not published and got == [])
                assert not reader.restarted
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 100


def test_a_writer_in_use_by_two_threads_refuses() -> None:
    with shm.Writer("r") as writer:
        writer._ring._in_use = True
        with pytest.raises(shm.Error, match="another thread"):
            writer.publish(b"x")
        writer._ring._in_use = False
        assert writer.publish(b"x") == 1


# What is found


def test_a_value_that_was_whole_before_its_writer_died_is_kept(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
    poke(region_directory / "r", 392, "Q", 1)  # the head, as if it had never been stored
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


def test_a_name_that_somebody_else_took_for_an_unfinished_file_stops_nobody(region_directory: Path) -> None:
    (region_directory / ".r.new").mkdir()  # which cannot be removed, as a file of another user
    with shm.Writer("r", "text", slots=8, capacity=8) as writer:
        publish(writer, "a", "b" * 5000)
    with shm.Writer("r", slots=16) as writer:
        assert writer.publish("c") == 3
    assert sorted(file.name for file in region_directory.iterdir()) == [".r.lock", ".r.new", "r"]
    writer = shm.Writer("r")
    writer.remove()
    assert [file.name for file in region_directory.iterdir()] == [".r.new"]


def test_a_value_that_was_not_finished_is_written_again(region_directory: Path) -> None:
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
        ((392, 7), 8, ["a", "b", "c"], False),  # a head that its slot does not bear out
        ((400, 0), 4, ["a", "b", "c"], True),
        ((400, 9), 4, [], True),
        (("slot 4", 9), 4, ["a", "b", "c"], True),  # a stamp of another slot
        (("slot 4", (1 << 64) - 1), 4, ["a", "b", "c"], True),
        (("slot 4", 2 * 12), 13, [""], True),  # a later value than the head: it is what was shown last
        (("slot 4", 2 * 12 - 1), 12, [], False),  # one that was not finished; what was before it is not there
        (("slot 3", 0), 4, ["a", "b"], False),  # the newest value is gone
    ],
)
def test_a_ring_that_contradicts_itself_is_replaced(
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
    reader = shm.Reader("r")
    with shm.Writer("r") as writer:
        assert writer.publish("new") == next_number
        new = shm.inspect("r")
        assert (new.lineage == old.lineage) == is_same_lineage
        assert (new.file_number, new.epoch) == ((2, 2) if is_same_lineage else (1, 1))
        assert [value for _, value in retained()] == [*before, "new"]
        until(lambda: reader.latest() == "new" and reader.sequence == next_number)


def test_a_ring_that_lost_its_newest_value_has_an_older_one(region_directory: Path) -> None:
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


def test_numbers_that_are_used_up_are_damage(region_directory: Path) -> None:
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


def test_a_damaged_header_is_refused_and_left_alone(region_directory: Path) -> None:
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
        writer._forget()  # as if it was killed
    before = shm.inspect("r")
    present = _files.boot_id()
    monkeypatch.setattr(_files, "boot_id", lambda: present ^ 1)
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


def test_what_is_not_ours_is_not_written(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shm.Writer("r"):
        pass
    (region_directory / "r").chmod(0o620)
    with pytest.raises(shm.NotOurs, match="may be written by others"):
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
    with shm.Writer("r") as writer:  # of another boot, closed and with checksums
        assert writer.publish("ho") == 2
    assert retained() == [(1, "hi"), (2, "ho")]
    assert (region_directory / "r").read_bytes()[16:24] == struct.pack("<Q", 1 | 1 << 40)


def test_the_directory_is_listed(region_directory: Path) -> None:
    with shm.Writer("b", "text") as writer:
        publish(writer, "x")
        with shm.Writer("a", dtype="<f4", shape=(2,)):
            pass
        (region_directory / "broken").write_bytes(b"shm\0ring" + bytes(100))
        (region_directory / "note").write_text("")
        found = shm.regions()
    assert [region.name for region in found] == ["a", "b", "broken"]
    a, b, broken = found
    assert a.info and (a.info.kind, a.info.array, a.info.newest_time) == ("array", {"dtype": "<f4", "shape": [2]}, None)
    assert b.info and (b.info.writer, b.info.head) == ("alive", 1) and b.info.newest_time
    assert broken.info is None and "cannot inspect region 'broken'" in broken.problem
