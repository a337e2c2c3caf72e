"""Reading: values in order, the newest value, and switching to the next writer or file."""

from __future__ import annotations

import errno
import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import shm
from conftest import available, poke, publish, until
from provoke import refusing
from shm import _files, _follower, _linux

Start = Callable[[str], "Popen[str]"]


def drain(reader: shm.Reader) -> list[tuple[Any, int]]:
    """Receives all published values. Returns each with the number of values that were lost before it."""
    return [(value, reader.lost) for value in available(reader)]


@pytest.mark.parametrize(
    "start, expected", [("latest", "d"), ("oldest", "abcd"), ("new", ""), (1, "abcd"), (3, "cd"), (5, ""), (6, "")]
)
def test_a_reader_begins_at_start(start: str | int, expected: str) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abcd")
        assert drain(shm.Reader("r", start=start)) == [(value, 0) for value in expected]


def test_overwritten_values_count_as_lost_only_if_start_is_a_number() -> None:
    with shm.Writer("r", "text", slots=4) as writer:
        publish(writer, *"abcdefgh")
        assert drain(shm.Reader("r", start="oldest")) == [("e", 0), ("f", 0), ("g", 0), ("h", 0)]
        assert drain(shm.Reader("r", start=2)) == [("e", 3), ("f", 0), ("g", 0), ("h", 0)]


@pytest.mark.parametrize("start", ["first", "", 0, -1, True, 1.5, (1 << 62) + 1])
def test_an_invalid_start_is_refused(start: Any) -> None:
    with shm.Writer("r"), pytest.raises(ValueError):
        shm.Reader("r", start=start)


def test_a_lapped_reader_continues_in_the_middle_of_the_ring_and_counts_its_losses() -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, "a")
        reader = shm.Reader("r")
        publish(writer, *"bcdefghijk")
        assert drain(reader) == [("g", 6), ("h", 0), ("i", 0), ("j", 0), ("k", 0)]
        assert reader.sequence == 11


def test_values_that_latest_skips_are_not_lost() -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, "a")
        reader = shm.Reader("r")
        publish(writer, *"bcdefghijk")
        assert (reader.latest(), reader.lost) == ("k", 0)
        assert drain(reader) == []
        assert reader.latest() == "k"
        publish(writer, *"lm")
        assert drain(reader) == [("l", 0), ("m", 0)]


def test_numbers_without_a_value_are_skipped() -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        reader = shm.Reader("r")
        publish(writer, "a")
        writer._ring.head = 4  # as if signals had interrupted three calls of publish
        publish(writer, "e")
        assert drain(reader) == [("a", 0), ("e", 3)]
        writer._ring.head = 100
        publish(writer, "z")
        assert drain(reader) == [("z", 95)]


def test_recv_waits_for_a_value(python: Start) -> None:
    with shm.Writer("r", "text") as writer:
        child = python("r = shm.Reader('r'); print('ready')\nfor value in r.follow(20): print(value)")
        assert child.stdout and child.stdout.readline()
        for value in ("hello", "there"):
            publish(writer, value)
            assert child.stdout.readline() == value + "\n"


def test_recv_raises_timed_out_after_its_timeout() -> None:
    with shm.Writer("r", "text"), shm.Reader("r") as reader:
        text = "cannot receive from region 'r': (there is no new value|no value arrived within 0.05 seconds)"
        for receive in (reader.try_recv, lambda: reader.recv(0.05), lambda: next(reader.follow(0.05))):
            with pytest.raises(shm.TimedOut, match=text):
                receive()
            assert not reader.ended


def test_receiving_ends_when_the_writer_closes_but_follow_does_not() -> None:
    writer = shm.Writer("r", "text")
    publish(writer, *"ab")
    reader = shm.Reader("r", start="oldest")
    following = shm.Reader("r", start="oldest").follow(20)
    writer.close()
    assert list(reader) == ["a", "b"] and reader.ended
    assert [next(following), next(following)] == ["a", "b"]
    with shm.Writer("r") as writer:
        publish(writer, "c")
        assert next(following) == "c"
        assert reader.recv() == "c" and not reader.ended


def test_closing_wakes_a_sleeping_reader(python: Start) -> None:
    writer = shm.Writer("r", "text")
    child = python("r = shm.Reader('r'); print('ready'); print(list(r), r.ended)")
    assert child.stdout and child.stdout.readline()
    writer.close()
    assert child.stdout.readline() == "[] True\n"


def test_a_reader_can_wait_for_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(shm.NotFound, match="cannot open region 'r': there is no such region"):
        shm.Reader("r")
    with pytest.raises(shm.NotFound):
        shm.Reader("r", open_timeout=0.03)

    def make_it(seconds: float) -> None:
        with shm.Writer("r", "text") as writer:
            publish(writer, *"abc")

    monkeypatch.setattr(_follower, "sleep", make_it)
    assert drain(shm.Reader("r", open_timeout=None)) == [("a", 0), ("b", 0), ("c", 0)]
    assert drain(shm.Reader("r", open_timeout=None)) == [("c", 0)]


def test_a_reader_follows_growth_and_loses_nothing() -> None:
    with shm.Writer("r", "text", slots=8, capacity=8) as writer:
        reader = shm.Reader("r", start="oldest")
        publish(writer, "a", "b" * 100, "c", "d" * 10000, "e")
        assert drain(reader) == [("a", 0), ("b" * 100, 0), ("c", 0), ("d" * 10000, 0), ("e", 0)]
        assert not reader.restarted
        newest = shm.Reader("r")
        publish(writer, "f" * 100000)
        assert until(lambda: newest.latest() == "f" * 100000)


def test_a_reader_drains_the_old_file_first() -> None:
    with shm.Writer("r", "text", slots=2, capacity=8) as writer:
        reader = shm.Reader("r", start="oldest")
        publish(writer, "a", "b")
        writer.publish("c" * 100)  # the new file contains b and c
        publish(writer, "d")  # it now contains c and d
        assert drain(reader) == [("a", 0), ("b", 0), ("c" * 100, 0), ("d", 0)]


def test_a_region_that_is_created_again_is_noticed() -> None:
    reader = None
    for round_number in range(3):
        with shm.Writer("r", "text") as writer:
            publish(writer, f"{round_number}a", f"{round_number}b")
            if reader is None:
                reader = shm.Reader("r", start="oldest")
            values = reader.follow(20)
            assert next(values) == f"{round_number}a"
            assert (reader.sequence, reader.restarted) == (1, round_number > 0)
            assert next(values) == f"{round_number}b" and not reader.restarted
            writer.remove()


def test_latest_follows_a_region_that_is_created_again() -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, "old")
        reader = shm.Reader("r")
        assert reader.latest() == "old"
        writer.remove()
    reader._compare_at = 0
    for read in (reader.latest, reader.view, reader.latest):
        with pytest.raises(shm.Gone, match="cannot (read|view) the newest value of region 'r': it was removed"):
            read()
    with shm.Writer("r", "json") as other:
        other.publish({"new": 1})
        assert reader.latest() == {"new": 1}
        assert reader.kind == "json"


def test_a_removed_region_has_ended() -> None:
    writer = shm.Writer("r", "text")
    publish(writer, "a")
    reader = shm.Reader("r", start="oldest")
    writer.remove()
    assert list(reader) == ["a"] and reader.ended


def test_a_region_that_is_removed_before_it_was_closed_is_gone(region_directory: Path) -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, *"ab")
        reader = shm.Reader("r", start="oldest")
        os.unlink(region_directory / "r")
        reader._compare_at = 0
        assert [reader.recv(), reader.recv()] == ["a", "b"]
        for receive in (reader.recv, reader.try_recv, lambda: list(reader), lambda: reader.recv(5)):
            with pytest.raises(shm.Gone, match="cannot receive from region 'r': it was removed"):
                receive()
            assert not reader.ended
        with pytest.raises(shm.TimedOut):
            next(reader.follow(0.05))
    with shm.Writer("r", "text") as writer:
        publish(writer, "c")
        assert reader.recv() == "c" and reader.restarted


def test_a_region_that_changes_its_kind_is_an_error_if_a_kind_was_given() -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
        reader = shm.Reader("r", kind="text")
        assert reader.recv(0) == "a"
    with shm.Writer("r", "json", replace=True) as other:
        other.publish(1)
        for _ in range(2):
            with pytest.raises(shm.TypeMismatch):
                until(lambda: reader.recv(1))


def spoil(region_directory: Path, writer: shm.Writer, number: int) -> None:
    with open(region_directory / "r", "r+b") as file:
        file.seek(8 * writer._ring.slot_word(number) + 24)
        assert file.write(b"?")


def test_a_damaged_value_is_an_error_and_the_next_value_is_read(region_directory: Path) -> None:
    with shm.Writer("r", "text", checksum=True) as writer:
        publish(writer, *"abc")
    spoil(region_directory, writer, 2)
    reader = shm.Reader("r", start=2)
    with pytest.raises(shm.Damaged, match="value 2 has a wrong or missing checksum"):
        reader.recv(0)
    assert (reader.recv(0), reader.sequence, reader.lost) == ("c", 3, 0)


@pytest.mark.parametrize("field, wrong", [(0, (1 << 64) - 1), (0, 1), (1, 1 << 40)])
def test_after_a_value_with_an_impossible_stamp_or_length_the_next_value_is_read(
    region_directory: Path, caplog: pytest.LogCaptureFixture, field: int, wrong: int
) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
    poke(region_directory / "r", 8 * (writer._ring.slot_word(2) + field), "Q", wrong)
    reader = shm.Reader("r", start=2)
    with pytest.raises(shm.Damaged, match="value 2"):
        reader.recv(0)
    assert (reader.recv(0), reader.sequence, reader.lost) == ("c", 3, 0)
    assert list(shm.Reader("r", start="oldest")) == ["a", "c"] and "value 2" in caplog.text


def test_an_impossible_slot_after_the_newest_value_damages_the_whole_region(region_directory: Path) -> None:
    with shm.Writer("r", "text", slots=8) as writer:
        publish(writer, *"abc")
        reader = shm.Reader("r", start="new")
        poke(region_directory / "r", 8 * writer._ring.slot_word(4), "Q", (1 << 64) - 1)
        for _ in range(2):
            with pytest.raises(shm.Damaged, match="value 4"):
                reader.recv(0)


def test_a_reader_continues_after_damage_at_the_oldest_value(region_directory: Path) -> None:
    """A damaged head can name any number of values. The ring retains no more of them than it has slots."""
    with shm.Writer("r", "text", slots=4) as writer:
        publish(writer, *"abc")
        reader = shm.Reader("r", start=2)
        poke(region_directory / "r", 8 * writer._ring.slot_word(2), "Q", 1)
        poke(region_directory / "r", 392, "Q", 1002)
        with pytest.raises(shm.Damaged, match="value 2"):
            reader.recv(0)
        assert (reader._cursor.next, reader._cursor.lost) == (999, 996)


def test_what_was_lost_before_a_value_that_cannot_be_decoded_is_reported_with_the_next_one() -> None:
    with shm.Writer("r", "text", slots=4) as writer:
        publish(writer, "old")
        reader = shm.Reader("r")
        assert reader.recv(0) == "old"
        writer.remove()
    with shm.Writer("r", "text", slots=4) as writer:
        values = reader.follow(20)
        for payload in (b"1", b"2", b"3", b"4", b"\xff", b"6", b"7"):
            writer._ring.publish(payload)
        assert (next(values), reader.sequence, reader.lost, reader.restarted) == ("6", 6, 4, True)
        assert (next(values), reader.lost, reader.restarted) == ("7", 0, False)


def test_a_name_that_cannot_be_compared_stops_a_reader_only_after_its_file_was_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with shm.Writer("r", "text") as writer, shm.Reader("r") as reader:
        publish(writer, "a")
        assert reader.recv(0) == "a"
        monkeypatch.setattr(os, "stat", refusing(errno.EACCES))
        reader._compare_at = 0
        with pytest.raises(shm.TimedOut):
            reader.recv(0)
        reader._compare_at = 0
        assert reader.latest() == "a"
        monkeypatch.undo()
        writer.publish("b" * 5000)
        monkeypatch.setattr(os, "stat", refusing(errno.EACCES))
        for read in (lambda: reader.recv(0), reader.latest, lambda: next(reader.follow(0))):
            with pytest.raises(shm.Error, match="region 'r': its directory cannot be searched"):
                read()
        monkeypatch.undo()
        assert reader.recv(0) == "b" * 5000


def test_a_damaged_value_is_lost_if_its_file_was_replaced(region_directory: Path) -> None:
    with shm.Writer("r", "text", checksum=True) as writer:
        publish(writer, *"abc")
    spoil(region_directory, writer, 2)
    reader = shm.Reader("r", start=2)
    with shm.Writer("r", capacity=100000):  # replaces the file, without the damaged value
        assert (reader.recv(1), reader.lost) == ("c", 1)


@pytest.mark.parametrize("follow", [False, True])
def test_a_loop_goes_on_after_bad_values_and_names_them(
    follow: bool, region_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Reported 15: a value that cannot be decoded, or that is damaged, does not end a loop."""
    with shm.Writer("r", "text", checksum=True) as writer:
        for payload in (b"one", b"\xff", b"three", b"\xfe", b"five", b"six"):
            writer._ring.publish(payload)
        spoil(region_directory, writer, 5)
        reader = shm.Reader("r", start=1)
        values = reader.follow(0) if follow else iter(reader)
        assert [next(values) for _ in range(3)] == ["one", "three", "six"]
        assert (reader.sequence, reader.lost) == (6, 0)
    named = [(record.name, record.levelname, record.getMessage()[:40]) for record in caplog.records]
    assert named == [
        ("shm", "WARNING", "cannot decode value 2 of region 'r': its"),
        ("shm", "WARNING", "cannot decode value 4 of region 'r': its"),
        ("shm", "WARNING", "cannot receive from region 'r': it is da"),
    ]
    assert "value 5 has a wrong" in caplog.text
    reader = shm.Reader("r", start=2)
    with pytest.raises(shm.BadValue):
        reader.recv(0)


def test_a_loop_ends_at_a_damaged_region(region_directory: Path) -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
    with open(region_directory / "r", "r+b") as file:
        file.seek(384)
        file.write(bytes(4))
    with pytest.raises(shm.Damaged, match="impossible state 0"):
        list(shm.Reader("r"))


def test_a_closed_reader_raises_errors() -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, "a")
        with shm.Reader("r") as reader:
            assert not reader.closed and reader.latest() == "a"
        reader.close()
        assert reader.closed and reader.sequence == 1
        for use in (reader.latest, reader.view, reader.recv, lambda: next(reader.follow()), lambda: reader.kind):
            with pytest.raises(shm.Error, match="closed"):
                use()


def test_a_reader_changes_nothing(region_directory: Path) -> None:
    with shm.Writer("r", "text") as writer:
        publish(writer, *"ab")
    before = (region_directory / "r").read_bytes(), sorted(os.listdir(region_directory))
    with shm.Reader("r", start="oldest") as reader:
        assert drain(reader) and reader.latest() and reader.view()
        mapping = reader._ring.map
        with pytest.raises(TypeError):
            mapping[0] = 1
        with pytest.raises(shm.NotFound):
            shm.Reader("absent", open_timeout=0.01)
    shm.inspect("r")
    shm.regions()
    assert before == ((region_directory / "r").read_bytes(), sorted(os.listdir(region_directory)))


def test_file_descriptors_are_closed() -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    with shm.Writer("r", "text", capacity=8) as writer:
        publish(writer, "a")
        gc.collect()
        before = count()
        for _ in range(5):
            reader = shm.Reader("r")
            view = reader.view()
            writer.publish("x" * 4 * writer._capacity)
            reader.recv(0)
            reader.close()
            del view, reader
            shm.inspect("r")
            with pytest.raises(shm.WriterAlive):
                shm.Writer("r")
        gc.collect()
        assert count() == before
    del writer


def test_values_are_whole_while_a_fast_writer_overwrites_them(python: Start) -> None:
    """A writer in another process overwrites two slots as fast as it can. Every read must return exactly one value."""
    child = python(
        "writer = shm.Writer('r', 'bytes', slots=2, capacity=40000); print('ready')\n"
        "while True: n = writer.head + 1; writer.publish(n.to_bytes(8, 'little') * (n % 5000 + 1))"
    )
    assert child.stdout and child.stdout.readline()
    reader = shm.Reader("r", start="new")
    seen = whole = 0
    for turn in range(6000):
        if turn % 3 == 0:
            try:
                view = reader.view()
            except (shm.Busy, shm.Empty):
                continue
            value = bytes(view.data)
            if not view.is_whole():
                continue
            whole += 1
        else:
            try:
                value = reader.latest() if turn % 3 == 1 else reader.recv(1)
            except (shm.Busy, shm.Empty):
                continue
        number = reader.sequence
        if value:
            assert value == number.to_bytes(8, "little") * (number % 5000 + 1)
            seen += 1
    assert seen > 1000 and whole > 10


def test_received_and_lost_values_add_up_with_a_fast_writer(python: Start) -> None:
    child = python(
        "writer = shm.Writer('r', 'text', slots=4); sys.stdin.readline()\n"
        "for n in range(1, 20001): writer.publish(str(n))\n"
        "writer.close()"
    )
    reader = shm.Reader("r", open_timeout=20, start=1)
    assert child.stdin
    child.stdin.write("go\n")
    child.stdin.flush()
    before = got = lost = 0
    for value in reader:
        assert int(value) == reader.sequence == before + 1 + reader.lost
        before = reader.sequence
        got += 1
        lost += reader.lost
    assert reader.ended and before == got + lost == 20000


def test_threads_can_use_a_reader_one_after_another() -> None:
    with shm.Writer("r", "text") as writer, shm.Reader("r") as reader:
        publish(writer, "a")
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(reader.latest()))
        thread.start()
        thread.join()
        assert found == ["a"]


# Processors that do not keep loads in order


def test_on_other_processors_only_checksums_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, checked = shm.Writer("plain", "text"), shm.Writer("checked", "text", checksum=True)
    publish(checked, *"ab")
    monkeypatch.setattr(_linux, "ORDERED", False)
    with pytest.raises(shm.Unsupported, match="checksums"):
        shm.Reader("plain")
    reader = shm.Reader("checked", start="oldest")
    assert drain(reader) == [("a", 0), ("b", 0)] and reader.latest() == "b"
    with pytest.raises(shm.Unsupported):
        reader.view()
    ring = checked._ring
    ring.map[ring.slot_word(2) * 8 + 24] = ord("B")
    with pytest.raises(shm.Busy):
        reader.latest()
    with pytest.raises(shm.Unsupported, match="x86-64"):
        shm.Writer("new")
    monkeypatch.setattr(_linux, "WORDS_ARE_WHOLE", False)
    with pytest.raises(shm.Unsupported):
        shm.Reader("checked")
    plain.close()
    checked.close()


# Fault 80.
def test_after_a_reboot_only_closed_regions_and_checksums_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = shm.Writer("dead", "text")
    publish(dead, "a")
    with shm.Writer("closed", "text") as writer:
        publish(writer, "b")
    checked = shm.Writer("checked", "text", checksum=True)
    publish(checked, "c")
    present = _files.boot_id()
    monkeypatch.setattr(_files, "boot_id", lambda: present ^ 1)
    monkeypatch.setattr(_files, "is_in_memory", lambda descriptor: True)
    assert shm.Reader("dead").latest() == "a", "a file in memory is not from an earlier boot"
    monkeypatch.setattr(_files, "is_in_memory", lambda descriptor: False)
    assert shm.Reader("closed").latest() == "b"
    assert shm.Reader("checked").latest() == "c"
    with pytest.raises(shm.Damaged, match="before the last boot"):
        shm.Reader("dead").latest()
    monkeypatch.setattr(_files, "boot_id", lambda: 0)
    assert shm.Reader("dead").latest() == "a"
    dead.close()
    checked.close()


# Reported 54.
@pytest.mark.parametrize("first", [0, 2, 1 << 63])
def test_a_region_whose_first_number_is_impossible_is_damaged(first: int) -> None:
    with shm.Writer("r", "text") as writer:
        file = writer._location.file if hasattr(writer, "_location") else "r"
    path = os.path.join(os.environ["SHM_DIR"], str(file))
    with open(path, "r+b") as region:
        region.seek(400)
        region.write(first.to_bytes(8, "little"))
    with pytest.raises(shm.Damaged, match="as the first"):
        shm.Reader("r")


def test_the_newest_value_of_a_replaced_region_is_not_an_old_one() -> None:
    shm.Writer("r", "json").publish({"a": 1})
    with shm.Reader("r", kind="json") as reader:
        assert reader.latest() == {"a": 1}
        with shm.Writer("r", "text", replace=True) as writer:
            writer.publish("another")
            for _ in range(3):
                with pytest.raises(shm.TypeMismatch):
                    reader.latest()
                    time.sleep(0.06)
                    reader.latest()


def test_a_relative_directory_stays_the_same_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "other" / "state").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    writer = shm.Writer("./state/r", "text")
    writer.publish("one")
    with shm.Reader("./state/r") as reader:
        assert reader.recv(5) == "one"
        monkeypatch.chdir(tmp_path / "other")
        writer.remove()
        time.sleep(0.06)
        with shm.Writer(tmp_path / "state" / "r", "text") as writer:
            writer.publish("two")
            assert reader.recv(5) == "two"
