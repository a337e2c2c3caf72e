"""How receiving ends: a timeout, a clean close and the death of a writer are distinct, even if a value is None."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
import shm
from conftest import until
from shm import _lock

Start = Callable[[str], "Popen[str]"]


def test_none_is_an_ordinary_value() -> None:
    with shm.Writer("r", "json") as writer, shm.Reader("r") as reader:
        with pytest.raises(shm.Empty, match="cannot read the newest value of region 'r': it contains no value yet"):
            reader.latest()
        with pytest.raises(shm.Empty):
            reader.view()
        for value in (None, 1, None):
            writer.publish(value)
        assert reader.latest() is None and reader.sequence == 3
        reader.seek("oldest")
        assert [reader.recv(0), reader.try_recv(), reader.recv()] == [None, 1, None]
        with pytest.raises(shm.TimedOut):
            reader.try_recv()
    assert list(shm.Reader("r", start="oldest")) == [None, 1, None]


def test_an_absent_optional_value_is_an_ordinary_value() -> None:
    with shm.Writer("r", schema={"type": {"OPTION": "U8"}, "types": {}}) as writer, shm.Reader("r") as reader:
        writer.publish(None)
        assert reader.recv(0) is None and reader.latest() is None
        with pytest.raises(shm.TimedOut):
            reader.recv(0)


def test_timed_out_is_both_an_error_of_the_package_and_a_timeout_error() -> None:
    with shm.Writer("r"), shm.Reader("r") as reader:
        start = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            reader.recv(0.03)
        assert time.monotonic() - start >= 0.03
        assert isinstance(caught.value, shm.TimedOut) and isinstance(caught.value, shm.Error)
        assert "region 'r': no value arrived within 0.03 seconds" in str(caught.value)
    assert not issubclass(shm.Ended, TimeoutError)


def test_receiving_ends_after_all_values_and_continues_with_the_next_writer() -> None:
    with shm.Writer("r", "text") as writer:
        writer.publish("a")
        reader = shm.Reader("r")
    assert reader.recv() == "a" and not reader.ended
    for receive in (reader.recv, reader.try_recv, lambda: reader.recv(5)):
        with pytest.raises(shm.Ended, match="region 'r': its writer closed it"):
            receive()
        assert reader.ended
    assert list(reader) == []
    with shm.Writer("r") as writer:
        writer.publish("b")
        assert reader.recv(5) == "b" and not reader.ended


def test_a_loop_over_a_reader_ends_at_a_clean_close(python: Start) -> None:
    child = python(
        "with shm.Writer('r', 'text') as w:\n"
        "    print('ready'); sys.stdin.readline()\n"
        "    for n in range(50): w.publish(str(n))\n"
    )
    assert child.stdout and child.stdin and child.stdout.readline()
    reader = shm.Reader("r")
    child.stdin.write("go\n")
    child.stdin.flush()
    assert list(reader) == [str(number) for number in range(50)] and reader.ended


def test_follow_continues_after_a_close_a_removal_and_a_timeout() -> None:
    with shm.Writer("r", "text") as writer:
        writer.publish("a")
        reader = shm.Reader("r")
        values = reader.follow(0.02)
        assert iter(values) is values and next(values) == "a"
    for _ in range(2):
        with pytest.raises(shm.TimedOut):
            next(values)
    with shm.Writer("r") as writer:
        writer.publish("b")
        assert next(values) == "b"
        writer.remove()
    with pytest.raises(shm.TimedOut):
        next(values)
    with shm.Writer("r", "text") as writer:
        writer.publish("c")
        assert until(lambda: next(reader.follow(5))) == "c" and reader.restarted


def test_a_reader_can_check_whether_its_writer_is_alive(python: Start) -> None:
    child = python("w = shm.Writer('r', 'text'); w.publish('last words'); print('ready'); sys.stdin.readline()")
    assert child.stdout and child.stdout.readline()
    reader = shm.Reader("r")
    assert reader.writer() == "alive" and reader.recv() == "last words"
    child.kill()
    child.wait()
    assert until(lambda: reader.writer() == "gone")
    with pytest.raises(shm.TimedOut, match=r"check with writer\(\)"):
        reader.recv(0.01)
    assert not reader.ended
    with shm.Writer("r"):
        assert reader.writer() == "alive"
    assert reader.writer() == "gone"
    with pytest.raises(shm.Ended):
        reader.recv()


def test_the_writer_is_unknown_without_permission_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    with shm.Writer("r"), shm.Reader("r") as reader:

        def refuse(location: object, file: str, flags: int) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(_lock.Location, "open", refuse)
        assert reader.writer() == "unknown"
        monkeypatch.undo()


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can become another user")
def test_another_user_s_region_can_be_read_and_its_writer_is_unknown(python: Start, region_directory: Path) -> None:
    region_directory.chmod(0o755)
    with shm.Writer("r", "text", mode=0o644) as writer:
        writer.publish("hello")
        child = python("r = shm.Reader('r'); os.seteuid(65534); print(r.recv(5), r.writer())")
        assert child.communicate(timeout=20)[0] == "hello unknown\n"


@pytest.mark.parametrize("grows", [False, True])
def test_a_reader_that_waits_for_a_region_receives_it_even_if_it_is_removed_at_once(python: Start, grows: bool) -> None:
    child = python("print('waiting')\nprint(list(shm.Reader('r', start='oldest', open_timeout=2)))")
    assert child.stdout and child.stdout.readline() == "waiting\n"
    writer = shm.Writer("r", "text", capacity=8)
    for value in ("a", "b" * (9 if grows else 1)):
        writer.publish(value)
    writer.remove()
    assert child.stdout.readline() == f"['a', '{'b' * (9 if grows else 1)}']\n"


def test_a_file_that_is_cut_short_ends_waiting(region_directory: Path) -> None:
    """The writer may have been killed by it, and then nothing else shows it."""
    with shm.Writer("r", "text") as writer:
        writer.publish("a")
        reader = shm.Reader("r")
        assert reader.recv(0) == "a"
        whole = os.stat(region_directory / "r").st_size
        os.truncate(region_directory / "r", 16384)  # the slot of the next value stays
        for read in (lambda: reader.recv(1), lambda: next(reader.follow(1)), reader.latest):
            reader._compare_at = 0
            with pytest.raises(shm.Damaged, match="another program cut its file short"):
                read()
        os.truncate(region_directory / "r", whole)
