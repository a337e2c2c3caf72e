"""Python together with the Rust programs shm-writer and shm-reader: each reads the values that the other has written."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import random
import re
import signal
import struct
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
import shm
from conftest import Programs, until
from test_codec import Anything

Start = Callable[[str], "Popen[str]"]


@pytest.mark.parametrize("checksum", [False, True])
def test_the_reader_program_reads_what_python_writes(programs: Programs, checksum: bool) -> None:
    with shm.Writer("text", "text", checksum=checksum) as writer:
        for value in ("one", "grüße", "x" * 100_000):
            writer.publish(value)
        assert programs.reader("--from", "oldest", "text") == "one\ngrüße\n" + "x" * 100_000 + "\n"
    with shm.Writer("json", "json", checksum=checksum) as writer:
        writer.publish({"a": [1, None, "ü"]})
        record = json.loads(programs.reader("--json", "json"))
        assert (record["value"], record["seq"], record["kind"]) == ({"a": [1, None, "ü"]}, 1, "json")
    with shm.Writer("bytes", "bytes", checksum=checksum) as writer:
        writer.publish(b"ab\0c")
        assert programs.reader("--raw", "bytes") == "ab\0c"
    for name in ("text", "json", "bytes"):
        programs.reader("verify", name)


@pytest.mark.parametrize("checksum", [[], ["--checksum"]])
def test_python_reads_what_the_writer_program_writes(programs: Programs, tmp_path: Path, checksum: list[str]) -> None:
    programs.writer("text", "grüße", *checksum)
    programs.writer("json", "--as", "json", '{"a": 1.5}', *checksum)
    (tmp_path / "file").write_bytes(b"\0\xff" * 50_000)
    programs.writer("bytes", "--file", str(tmp_path / "file"), *checksum)
    assert shm.Reader("text").latest() == "grüße"
    assert shm.Reader("json", kind="json").recv() == {"a": 1.5}
    assert shm.Reader("bytes").latest() == b"\0\xff" * 50_000
    assert shm.inspect("text").checksum == bool(checksum)


def test_python_and_the_reader_program_inspect_alike(programs: Programs) -> None:
    with shm.Writer("mine", "json", slots=8, capacity=100, checksum=True, mode=0o640) as writer:
        writer.publish(1)
        listed = [json.loads(line) for line in programs.reader("list", "--json").splitlines()]
        assert [(region["region"], region["writer"]) for region in listed] == [("mine", "alive")]
    programs.writer("theirs", "x", "--slots", "8")
    for name in ("mine", "theirs"):
        shown = json.loads(programs.reader("inspect", "--json", name))
        info = dataclasses.asdict(shm.inspect(name))
        for member in ("newest_time", "created", "started"):
            info[member] = rfc3339(info[member])
        info["mode"] = f"{info['mode']:04o}"
        assert shown == info


def rfc3339(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"


def test_python_and_the_writer_program_take_over_from_each_other(programs: Programs) -> None:
    reader = None
    for number in range(1, 9, 2):
        with shm.Writer("r", "text") as writer:
            assert writer.publish(f"python {number}") == number
        reader = reader or shm.Reader("r", start="oldest")
        programs.writer("r", f"rust {number + 1}")
        assert list(reader) == [f"python {number}", f"rust {number + 1}"]
    assert shm.inspect("r").epoch == 8 and shm.inspect("r").file_number == 1
    programs.reader("verify", "r")


def test_python_follows_the_writer_program_through_growth_and_restarts(programs: Programs) -> None:
    child = programs.start("shm-writer", "r", "--slots", "8")
    assert child.stdin
    child.stdin.write("first\n")
    child.stdin.flush()
    values = (reader := shm.Reader("r", open_timeout=20)).follow(20)
    assert next(values) == "first"
    for length in (3, 30, 3, 3000, 300_000, 3):
        child.stdin.write("y" * length + "\n")
        child.stdin.flush()
        assert next(values) == "y" * length and not reader.restarted
    child.stdin.close()
    child.wait()
    programs.writer("r", "second")
    assert next(values) == "second" and not reader.restarted
    programs.writer("rm", "r")
    programs.writer("r", "third")
    assert next(values) == "third" and reader.restarted and reader.sequence == 1
    with shm.Writer("r", "json", replace=True) as writer:
        writer.publish([4])
    assert next(values) == [4] and reader.kind == "json" and not reader.restarted


def test_the_reader_program_follows_python_through_growth_and_restarts(programs: Programs) -> None:
    child = programs.start("shm-reader", "--follow", "--json", "r")
    assert child.stdout

    def line() -> dict[str, object]:
        assert child.stdout
        return dict(json.loads(child.stdout.readline()))

    with shm.Writer("r", "text", capacity=8, slots=8) as writer:
        for length in (3, 30, 3, 3000, 300_000):
            writer.publish("y" * length)
            assert line()["value"] == "y" * length
        writer.remove()
    with shm.Writer("r", "text") as writer:
        writer.publish("again")
        assert line() == {"restarted": True}
        assert line()["value"] == "again"
    with shm.Writer("r", "json", replace=True) as writer:
        writer.publish({"other": "kind"})
        assert line()["value"] == {"other": "kind"}


def test_losses_are_counted_alike(programs: Programs) -> None:
    for number in range(1, 21):
        programs.writer("r", str(number), "--slots", "4")
        if number == 1:
            reader = shm.Reader("r")
    found = [(int(value), reader.lost) for value in reader]
    assert found == [(18, 17), (19, 0), (20, 0)]


def test_values_of_a_fast_writer_program_are_whole_and_in_order(programs: Programs) -> None:
    programs.start("shm-writer", "r", "{seq} {seq} {seq}", "--count", "200000", "--slots", "16", "--checksum")
    reader = shm.Reader("r", open_timeout=20, start=1)
    before = 0
    for value in reader:
        numbers = {int(number) for number in value.split()}
        assert numbers == {reader.sequence} and reader.sequence == before + 1 + reader.lost
        before = reader.sequence
    assert before == 200_000 and reader.ended


def test_a_killed_python_writer_is_followed_by_the_writer_program(programs: Programs, python: Start) -> None:
    child = python(
        "w = shm.Writer('r', 'text', slots=4)\nw.publish('1'); print('ready')\nwhile True: w.publish(str(w.head + 1))"
    )
    assert child.stdout and child.stdout.readline()
    reader = shm.Reader("r")
    until(lambda: reader.recv(1) and reader.sequence > 1000)
    assert programs.writer("r", "too early", expect=7) == ""
    child.kill()
    child.wait()
    programs.writer("r", "after")
    reader.latest()
    assert reader.latest() == "after" and reader.sequence > 1000 and not reader.restarted
    programs.reader("verify", "r")


def test_a_killed_writer_program_is_followed_by_python(programs: Programs) -> None:
    child = programs.start("shm-writer", "r", "{seq}", "--every", "0.001", "--slots", "4")
    reader = shm.Reader("r", open_timeout=20)
    until(lambda: reader.recv(1) and reader.sequence > 20)
    with pytest.raises(shm.WriterAlive):
        shm.Writer("r")
    child.send_signal(signal.SIGKILL)
    child.wait()
    with shm.Writer("r") as writer:
        number = writer.publish("after")
    assert (reader.latest(), reader.sequence) == ("after", number)
    assert not reader.restarted


def test_the_writer_program_removes_what_python_left(programs: Programs, region_directory: Path) -> None:
    with shm.Writer("r", "text") as writer:
        writer.publish("x")
        programs.writer("rm", "r", expect=7)
    programs.writer("rm", "r")
    assert os.listdir(region_directory) == []


def test_a_forced_removal_is_noticed(programs: Programs, region_directory: Path) -> None:
    writer = shm.Writer("r", "text")
    reader = shm.Reader("r")
    programs.writer("rm", "--force", "r")

    def is_gone() -> bool:
        try:
            writer.publish("x")
        except shm.Gone:
            return True
        return False

    until(is_gone)
    writer.close()
    assert os.listdir(region_directory) == []
    programs.writer("r", "again")
    values = reader.follow(20)
    assert until(lambda: next(values) == "again") and reader.restarted


def test_both_writers_repair_damaged_rings_alike(programs: Programs, region_directory: Path) -> None:
    """Both writers take over the same randomly damaged files, and must produce the same regions."""
    chance = random.Random(7)
    for _ in range(80):
        published = chance.choice([0, 1, 3, 4, 5, 9])
        with shm.Writer("made", "bytes", slots=4, capacity=16, checksum=chance.random() < 0.5) as writer:
            for number in range(1, published + 1):
                writer.publish(b"value %d" % number)
            image = bytearray((region_directory / "made").read_bytes())
            writer.remove()
        for _ in range(chance.randint(1, 2)):  # changes the head, `first`, or a stamp, length or payload
            at = 8 * chance.choice([49, 50]) if chance.random() < 0.4 else 4096 + 64 * chance.randrange(4)
            at += 8 * chance.choice([0, 0, 0, 1, 3]) if at >= 4096 else 0
            (value,) = struct.unpack_from("<Q", image, at)
            near = [value + 1, value + 2, value + 7, value + 8, value + 16, max(0, value - 1), max(0, value - 2)]
            far = [0, 1, 5, 128, (1 << 48) - 1, (1 << 62) - 1, 1 << 62, (1 << 63) - 2, 1 << 63, (1 << 64) - 1]
            struct.pack_into("<Q", image, at, chance.choice([chance.choice(near) & (1 << 64) - 1, chance.choice(far)]))
        slots = chance.choice([None, 2, 8])
        text = chance.choice(["new", "a much longer value than those before", ""])
        options = [] if slots is None else ["--slots", str(slots)]
        found = []
        for is_python in (True, False):
            (region_directory / "r").write_bytes(image)
            (region_directory / "r").chmod(0o600)
            if is_python:
                status = publish_with(text, slots)
            else:
                what = ["r", text] if text else ["create", "r"]  # publishes nothing
                status = programs.start("shm-writer", *what, *options).wait()
            if status:
                found.append((status,))
                continue
            info = shm.inspect("r")
            is_same_lineage = bytes.fromhex(info.lineage)[::-1] == image[40:56]
            values = re.sub(r'"time":"[^"]*"', "", show(programs))
            found.append((is_same_lineage, info.file_number, info.epoch, info.first, info.head, info.slots, info.capacity, values))
        assert found[0] == found[1]


def show(programs: Programs) -> str:
    """Returns all values and the exit code. Damage that no writer checks for remains in the region."""
    child = programs.start("shm-reader", "--from", "oldest", "--json", "r")
    out, _ = child.communicate("")
    return f"{child.returncode} {out}"


def publish_with(text: str, slots: int | None) -> int:
    try:
        with shm.Writer("r", slots=slots) as writer:
            if text:
                writer.publish(text.encode())
    except shm.Damaged:
        return 5
    return 0


def test_typed_values_are_the_same_after_a_round_trip_through_both_programs(programs: Programs) -> None:
    """Python publishes, shm-reader shows it as JSON, shm-writer publishes that, and Python reads the same value."""
    for seed in range(40):
        anything = Anything(seed)
        form, make = anything.format(3)
        with shm.Writer("r", schema={"type": form, "types": anything.types}, replace=True) as writer:
            value = make()
            number = writer.publish(value)
        text = programs.reader("r").removesuffix("\n")
        programs.writer("r", "--", text)
        with shm.Reader("r") as reader:
            assert reader.latest() == value and reader.sequence == number + 1
        assert shm.inspect("r").head == number + 1


def test_the_reader_program_prints_arrays_of_python(programs: Programs) -> None:
    for dtype, payload, data in [
        ("<i4", struct.pack("<4i", 1, -2, 3, -4), [1, -2, 3, -4]),
        ("|b1", b"\0\1\1\0", [False, True, True, False]),
        ("<f8", struct.pack("<4d", 0.5, 1, 2, 3), [0.5, 1, 2, 3]),
    ]:
        with shm.Writer("r", dtype=dtype, shape=(0, 2), replace=True) as writer:
            writer.publish(payload)
        record = json.loads(programs.reader("--json", "r"))
        assert record["kind"] == "array" and record["value"] == {"dtype": dtype, "shape": [2, 2], "data": data}


def test_the_programs_refuse_what_python_refuses(programs: Programs, region_directory: Path) -> None:
    with shm.Writer("r", "text") as writer:
        writer.publish("x")
    with open(region_directory / "r", "r+b") as file:
        file.seek(64)
        file.write(b"\3")
    programs.reader("r", expect=5)
    with pytest.raises(shm.Damaged):
        shm.Reader("r")
