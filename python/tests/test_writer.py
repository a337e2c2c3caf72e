"""Writing: creating, continuing, growing, replacing and removing a region, and faults meanwhile."""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import shm
from conftest import available, publish, retained, until
from shm import _files, _linux, _request, _sizes

Start = Callable[[str], "Popen[str]"]


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
def test_options_that_no_region_can_have_are_refused(region_directory: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        shm.Writer("r", **options)
    assert os.listdir(region_directory) == []


def test_the_next_writer_continues_after_the_last() -> None:
    for number in range(1, 4):
        with shm.Writer("r", "text") as writer:
            assert writer.head == number - 1
            assert writer.publish(str(number)) == number
    assert retained() == [(1, "1"), (2, "2"), (3, "3")]
    assert (shm.inspect("r").epoch, shm.inspect("r").file_number) == (3, 1)


def test_arguments_that_are_not_given_leave_the_region_as_it_is() -> None:
    with shm.Writer("r", dtype="<f4", shape=(2,), slots=4, capacity=100, checksum=True, mode=0o640) as writer:
        writer.publish(bytes(8))
    before = shm.inspect("r")
    with shm.Writer("r") as writer:
        assert writer.kind == "array"
        assert writer.publish(bytes(8)) == 2
    after = shm.inspect("r")
    assert after.file_number == 1 and after.slots == 4 and after.capacity == 104 and after.checksum
    assert after.array == before.array == {"dtype": "<f4", "shape": [2]}


def test_other_options_replace_the_region_and_keep_its_values() -> None:
    with shm.Writer("r", "text", slots=4) as writer:
        publish(writer, *"abcdef")
    lineage = shm.inspect("r").lineage
    with shm.Writer("r", slots=8, checksum=True):
        pass
    assert retained() == [(3, "c"), (4, "d"), (5, "e"), (6, "f")]
    info = shm.inspect("r")
    assert (info.slots, info.checksum, info.first, info.head) == (8, True, 3, 6)
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


def test_large_values_get_larger_but_fewer_slots() -> None:
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


def test_sizes_are_those_of_the_library() -> None:
    """Reported 44 and 47. The same figures are in the test of shm-core/src/writer/sizes.rs."""
    defaults = [_sizes.default_capacity(slots) for slots in (None, 2, 64, 128, 1024, 1 << 20)]
    assert defaults == [4096, 4096, 4096, 2048, 256, 96]

    def grown(slots: int, old: int, length: int) -> tuple[int, int]:
        capacity = _sizes.grown_capacity(old, length)
        return _sizes.grown_slots(slots, old, capacity), capacity

    assert grown(64, 4096, 5000) == (64, 8192)
    assert grown(64, 4096, 1 << 20) == (64, 1 << 20)
    assert grown(64, 4096, 20 << 20) == (4, 20 << 20)
    assert grown(64, 4096, 1 << 30) == (2, 1 << 30)
    assert grown(2, 1 << 30, (1 << 30) + 1) == (2, (1 << 30) + 8)
    assert grown(1 << 16, 96, 1000) == (1 << 16, 1000)
    assert grown(1 << 16, 96, 5000) == (1 << 15, 5000)
    assert grown(1 << 16, 8, 9) == (1 << 16, 16)


def test_many_small_values_take_little_memory_without_a_capacity(region_directory: Path) -> None:
    """Reported 47."""
    with shm.Writer("r", "bytes", slots=65_536) as writer:
        writer.publish(bytes(16))
        assert (region_directory / "r").stat().st_size <= 9 << 20
        writer.publish(bytes(500))
        assert (writer.slots, writer.capacity) == (65_536, 504)


def test_a_second_writer_is_refused(python: Start) -> None:
    with shm.Writer("r") as writer:
        with pytest.raises(shm.WriterAlive, match="cannot open region 'r' for writing: it already has a writer"):
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


def test_writers_that_are_killed_at_any_time_leave_a_usable_region(python: Start) -> None:
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


def test_a_writer_closes_when_it_is_deleted_or_the_program_ends(python: Start) -> None:
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


def test_a_writer_refuses_to_work_in_a_forked_child_and_keeps_the_lock() -> None:
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


def test_removing_leaves_no_files(region_directory: Path) -> None:
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
        with pytest.raises(shm.Damaged, match="but only [0-9]+ of them are stored"):
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


@pytest.mark.parametrize("moved, second", [(".r.lock", "r"), ("r", "s")])
def test_a_writer_does_not_close_a_region_that_has_another_writer(region_directory: Path, moved: str, second: str) -> None:
    first = shm.Writer("r", "text")
    (region_directory / moved).rename(region_directory / "s")
    with shm.Writer(second) as writer, shm.Reader(second) as reader:
        first.close()
        assert shm.inspect(second).state == "open"
        writer._compare_at = 0
        writer.publish("a")
        assert reader.recv(0) == "a"
        with pytest.raises(shm.TimedOut):
            reader.recv(0)


@pytest.mark.parametrize("unusual, mode", [(0o755, 0o644), (0o641, 0o640), (0o404, 0o604)])
def test_a_file_that_replaces_one_of_an_unusual_mode_gets_a_usual_one(
    region_directory: Path, unusual: int, mode: int
) -> None:
    for replace in (lambda: shm.Writer("r", slots=16).close(), lambda: shm.Writer("r").publish(bytes(10_000))):
        shm.Writer("r", slots=8).close()
        (region_directory / "r").chmod(unusual)
        replace()
        assert stat.S_IMODE(os.stat(region_directory / "r").st_mode) == mode
        shm.Writer("r").remove()


def test_a_writer_that_must_grow_checks_its_files_immediately(region_directory: Path) -> None:
    for name in ("r", ".r.lock"):
        with shm.Writer("r") as writer:
            (region_directory / name).rename(region_directory / "away")
            with pytest.raises(shm.Gone):
                writer.publish(bytes(10_000))
        assert hidden(region_directory) in ([], [".r.lock"])
        os.unlink(region_directory / "away")


def test_a_failed_creation_leaves_no_files(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(_linux, "fallocate", full)
        with pytest.raises(shm.Error, match="cannot open region 'r' for writing: its file system has too little free space"):
            shm.Writer("r")
    assert os.listdir(region_directory) == []
    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
        with monkeypatch.context() as broken:
            broken.setattr(_linux, "fallocate", full)
            with pytest.raises(shm.Error, match="too little free space"):
                publish(writer, "b" * 10_000)
        publish(writer, "c")
    assert retained() == [(1, "a"), (2, "c")]
    assert hidden(region_directory) == [".r.lock"]


def test_after_a_failed_rename_the_writer_continues_in_the_old_file(region_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_writer_refuses_to_be_used_by_two_threads_at_once() -> None:
    with shm.Writer("r") as writer:
        writer._in_use = True
        with pytest.raises(shm.Error, match="another thread"):
            writer.publish(b"x")
        writer._in_use = False
        assert writer.publish(b"x") == 1


def test_regions_lists_the_directory(region_directory: Path) -> None:
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
