"""The surroundings of the package: threads, event loops, patched modules, little memory, incomplete interpreters, logs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import shm
from conftest import DEADLINE_SECONDS, publish, retained
from shm import _linux, _schema

Start = Callable[[str], "Popen[str]"]
PATH = str(Path(shm.__file__).parent.parent)


def run(code: str) -> "subprocess.CompletedProcess[str]":
    """Runs a program in a new interpreter in which nothing was imported."""
    code = f"import sys\nsys.path[:0] = [{PATH!r}]\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS)


def test_a_call_that_was_given_up_keeps_the_reader_from_losing_a_value_to_it() -> None:
    """A thread of `asyncio.to_thread` continues after its task was cancelled. It would take the next value for itself."""
    reader = None
    with shm.Writer("r", "text") as writer:
        reader = shm.Reader("r")

        async def give_up() -> None:
            task = asyncio.ensure_future(asyncio.to_thread(reader.recv, DEADLINE_SECONDS))
            while not reader._in_use:
                await asyncio.sleep(0.001)
            task.cancel()
            for use in (reader.recv, reader.try_recv, reader.latest, reader.view, lambda: reader.seek("new")):
                with pytest.raises(shm.Error, match="region 'r': another thread.* is using this reader; open another"):
                    use()
            reader.close()  # ends the call that waits
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(give_up())
        other = shm.Reader("r", start="new")
        writer.publish("a")
        assert other.recv(0) == "a"


def test_a_signal_handler_cannot_receive_in_the_middle_of_a_call(python: Start) -> None:
    child = python(
        "import signal\n"
        "writer = shm.Writer('r', 'text'); reader = shm.Reader('r')\n"
        "def handler(*_):\n"
        "    try: reader.try_recv()\n"
        "    except shm.Error as error: print(str(error)[:52])\n"
        "    writer.publish('a')\n"
        "signal.signal(signal.SIGALRM, handler); signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
        "print(reader.recv(20))\n"
    )
    out, _ = child.communicate(timeout=DEADLINE_SECONDS)
    assert out == "cannot receive from region 'r': another thread, or c\na\n"


def test_a_patched_lock_is_not_used_as_a_memory_fence() -> None:
    """gevent and eventlet replace `threading.Lock` by one that executes no instruction which orders stores."""
    done = run(
        "import ctypes, logging, threading, _thread, weakref\n"
        "class Lock:\n"
        "    def acquire(self, *_): raise AssertionError\n"
        "threading.Lock = Lock\n"
        "import shm\n"
        "threading.RLock = _thread.RLock = Lock\n"
        "writer = shm.Writer('r', 'text'); writer.publish('a'); print(shm.Reader('r').latest())\n"
    )
    assert (done.stdout, done.stderr) == ("a\n", "")


@pytest.mark.parametrize("module, package", [("_ctypes", "ctypes"), ("zlib", "zlib"), ("fcntl", "fcntl")])
def test_an_interpreter_that_was_built_without_a_module_gets_one_clear_error(module: str, package: str) -> None:
    done = run(f"sys.modules[{module!r}] = None\ntry: import shm\nexcept ImportError as error: print(error)")
    assert done.stdout.startswith(f"shm needs the module '{package}', which this Python was built without; "), done


@pytest.mark.parametrize("kind, value", [("bytes", b"abc" * 1000), ("text", "abc" * 1000)])
def test_a_reader_keeps_no_copy_of_a_value_that_it_has_returned(kind: str, value: Any) -> None:
    with shm.Writer("r", kind) as writer, shm.Reader("r") as reader:
        publish(writer, value)
        for read in (reader.recv, reader.latest):
            found = read()
            assert found == value and sys.getrefcount(found) == 2
            assert not reader._ring.payload


def test_too_little_memory_for_a_value_is_an_error_and_the_value_stays(python: Start) -> None:
    child = python(
        "import resource\n"
        "writer = shm.Writer('r', 'bytes', slots=2, capacity=64 << 20)\n"
        "writer.publish(bytes(64 << 20))\n"
        "reader = shm.Reader('r')\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "hard = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (16 << 20), hard))\n"
        "for read in (reader.latest, lambda: (reader.seek('latest'), reader.recv(0)), lambda: next(reader.follow(0))):\n"
        "    try: read()\n"
        "    except shm.Error as error: print(str(error).split(': ', 1)[1])\n"
        "with reader.view() as view: print(len(view.data), view.is_whole())\n"
        "resource.setrlimit(resource.RLIMIT_AS, (hard, hard))\n"
        "reader.seek('latest'); print(len(reader.recv(0)), reader.lost)\n"
    )
    out, _ = child.communicate(timeout=DEADLINE_SECONDS)
    fault = "there is not enough memory for a copy of the value; free some, or read it in place with view()\n"
    assert out == 3 * fault + f"{64 << 20} True\n{64 << 20} 0\n"


def test_too_little_memory_to_decode_a_value_is_an_error_and_the_value_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with shm.Writer("r", "json", slots=4) as writer, shm.Reader("r", start="new") as reader:
        publish(writer, *range(6))
        decode = reader._decode

        def refuse(payload: Any) -> Any:
            raise MemoryError

        reader._decode = refuse  # type: ignore[method-assign]
        for receive in (reader.recv, reader.latest, reader.recv):
            if receive == reader.recv:
                reader.seek(1)
            with pytest.raises(shm.Error, match="not enough memory"):
                receive()
        reader._decode = decode  # type: ignore[method-assign]
        assert (reader.recv(0), reader.sequence, reader.lost) == (2, 3, 2)


class Framed:
    """Like a DataFrame or an array, its `repr` has several lines; and it contains an escape sequence."""

    def __repr__(self) -> str:
        return "   a\n0  1\n\x1b[31m1  2\udcff"


@pytest.mark.parametrize(
    "cause",
    [
        lambda: shm.Writer("r", schema={"type": "U8", "types": {}}).publish(Framed()),
        lambda: shm.Writer("r", slots=Framed()),  # type: ignore[arg-type]
        lambda: shm.Reader(Framed()),  # type: ignore[arg-type]
        lambda: shm.Reader("a\nb\x1b[31m"),
        lambda: shm.Reader(b"\xff\n"),  # type: ignore[arg-type]
        lambda: shm.Reader("/absent\n\x1b[31m\udcff/r"),
        lambda: shm.Writer("/absent\n\x1b[31m\udcff/r"),
    ],
)
def test_an_error_is_one_line_of_printable_text(cause: Callable[[], object]) -> None:
    """A text that UTF-8 cannot encode would raise another error in `print` or in a log file."""
    with pytest.raises(shm.Error) as caught:
        cause()
    assert str(caught.value).isprintable(), str(caught.value)


@pytest.mark.parametrize("directory", ["/absent\n\x1b[31m\udcff", "{}/\udcff\n"])
def test_an_error_about_the_directory_is_one_line_of_printable_text(
    directory: str, region_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = directory.format(region_directory)
    monkeypatch.setenv("SHM_DIR", directory)
    if not directory.startswith("/absent"):
        os.mkdir(directory)
    for use in (shm.Reader, shm.inspect, lambda _: shm.regions()):
        if use in (shm.Reader, shm.inspect) or directory.startswith("/absent"):
            with pytest.raises(shm.Error) as caught:
                use("r")
            assert str(caught.value).isprintable(), str(caught.value)


@pytest.mark.parametrize("step, value", [("store_fence", "b"), ("fallocate", "b" * 9000), ("store_fence", "b" * 9000)])
def test_a_writer_that_is_closed_in_the_middle_of_a_publication_closes_after_it(
    step: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a signal handler, or by another thread. The lock must not be free while a value is being stored."""
    writer = shm.Writer("r", "text")
    publish(writer, "a")
    original = getattr(_linux, step)

    def interrupt(*arguments: Any) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("SHM_DIR", os.path.dirname(writer._location.path + "/"))
        writer.close()
        with pytest.raises(shm.WriterAlive):
            shm.Writer("r")
        for use in (lambda: writer.publish("c"), writer.remove):
            with pytest.raises(shm.Error, match="another thread.* is using this writer"):
                use()
        assert not writer.closed
        original(*arguments)

    monkeypatch.setattr(_linux, step, interrupt)
    assert writer.publish(value) == 2
    assert writer.closed and shm.inspect("r").state == "closed"
    assert retained() == [(1, "a"), (2, value)]
    with pytest.raises(shm.Gone):
        writer.publish("d")


def test_a_writer_of_a_daemon_thread_is_closed_when_the_program_ends() -> None:
    done = run(
        "import shm, threading\n"
        "writer = shm.Writer('r', 'bytes', slots=2)\n"
        "def work():\n"
        "    while True:\n"
        "        try: writer.publish(bytes(2 << 20))\n"
        "        except shm.Gone: return\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "while writer.head < 3: pass\n"
    )
    assert (done.stdout, done.stderr) == ("", "")
    info = shm.inspect("r")
    assert (info.state, info.writer) == ("closed", "gone") and retained()[-1][0] == info.head


def test_a_writer_that_is_closed_by_the_value_itself_publishes_nothing() -> None:
    writer = shm.Writer("r", "json")

    class Closing(dict[str, int]):
        def items(self) -> Any:
            writer.close()
            return super().items()

    publish(writer, 1)
    with pytest.raises(shm.Gone, match="this writer is closed"):
        writer.publish(Closing(a=1))
    assert (retained(), shm.inspect("r").head) == ([(1, 1)], 1)


@pytest.mark.parametrize("options", [{"kind": "json"}, {"schema": {"type": {"SEQ": {"SEQ": "U8"}}, "types": {}}}])
def test_a_reader_that_is_called_on_a_deep_stack_loses_no_value(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """A RecursionError is the caller's fault. It says nothing about the value."""

    def at_depth(depth: int, call: Callable[[], Any]) -> Any:
        return at_depth(depth - 1, call) if depth else call()

    failures = set()
    with shm.Writer("r", **options) as writer, shm.Reader("r", start="new") as reader:
        values = reader.follow(0)
        for depth in range(sys.getrecursionlimit() - 300, sys.getrecursionlimit()):
            for receive in (reader.try_recv, lambda: next(values)):
                publish(writer, [[1], [2]])
                try:
                    found = at_depth(depth, receive)
                except (shm.Error, RecursionError) as error:
                    failures.add(str(error))
                    found = reader.try_recv()
                assert (found, reader.sequence, reader.lost) == ([[1], [2]], writer.head, 0)
    assert len(failures) >= 2 and not caplog.records
    assert all("recursion" in text or "this thread's stack is too deep" in text for text in failures), failures


def test_json_that_nests_too_deep_is_a_bad_value_and_brackets_in_text_do_not_count() -> None:
    with shm.Writer("r", "json") as writer, shm.Reader("r", start="new") as reader:
        writer._ring.publish(b'["' + b"[" * 500 + rb'\"' + b"[" * 500 + b'"]')
        assert reader.recv(0) == ["[" * 500 + '"' + "[" * 500]
        writer._ring.publish(b'["\\\\",' + b"[" * 2000 + b"]" * 2000 + b"]")
        with pytest.raises(shm.BadValue, match="nests deeper than 127 levels"):
            reader.recv(0)
    assert not _schema.nests_too_deep(rb'["[\"[\\", "[' + b"[" * 200 + b'"' + b"[" * 126)
    assert _schema.nests_too_deep(rb'["[\"[\\", "[' + b"[" * 200 + b'"' + b"[" * 127)
