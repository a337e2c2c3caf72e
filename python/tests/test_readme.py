"""The examples of the README run and print what it says."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest
import shm
from conftest import until

Start = Callable[[str], "Popen[str]"]
README = (Path(__file__).parents[1] / "README.md").read_text()


def example(word: str) -> str:
    """The example that contains a certain word."""
    [found] = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in code]
    return str(found)


def test_the_reader_receives_what_the_writer_publishes(python: Start) -> None:
    reader = python("print('ready')\n" + example("print(reader.sequence, value)"))
    assert reader.stdout and reader.stdout.readline() == "ready\n"
    writer = python(example("range(50)"))
    received = reader.communicate(timeout=20)[0].splitlines()
    assert writer.wait(20) == 0 and reader.returncode == 0
    published = [f"{number + 1} {{'number': {number}}}" for number in range(50)]
    assert received and received == published[-len(received) :]  # all, unless the reader's process is slow to start


def test_the_arrays_and_the_typed_values_print_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numpy")
    for word, printed in [
        ("numpy.full", "(480, 640, 3) uint8\n7.0\n"),
        ("celsius", "{'room': 'kitchen', 'celsius': 21.5}\n"),
    ]:
        exec(example(word), {})
        assert capsys.readouterr().out == printed
        assert all(f"`{line}`" in README for line in printed.splitlines())


def test_the_reader_notices_a_clean_end_and_a_death(python: Start) -> None:
    with shm.Writer("demo", "text") as writer:
        writer.publish("hello")
    exec(example("timeout=5"), {})
    child = python("w = shm.Writer('demo', 'text'); print('ready'); sys.stdin.readline()")
    assert child.stdout and child.stdout.readline()
    child.kill()
    child.wait()
    with pytest.raises(shm.TimedOut):
        exec(example("timeout=5").replace("timeout=5", "timeout=0.05"), {})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_closes_its_region_after_a_signal(python: Start, number: signal.Signals) -> None:
    # A shell that runs the tests in the background lets them, and thus the child, ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = python(example("SIGTERM"))
    signal.signal(signal.SIGINT, before)
    reader = shm.Reader("clock", open_timeout=20)
    reader.recv(20)
    child.send_signal(number)
    child.wait(20)
    for _ in reader:
        pass
    assert reader.ended and (shm.inspect("clock").state, reader.writer()) == ("closed", "gone")


def test_the_error_text_is_a_real_one(region_directory: Path) -> None:
    [text] = re.findall(r"```text\n(.*?)\n```", README, re.DOTALL)
    with pytest.raises(shm.NotFound) as caught:
        shm.Reader("demo")
    assert text == str(caught.value).replace(str(region_directory), "/dev/shm")


def test_every_exception_and_every_argument_is_in_the_readme() -> None:
    names = [
        name for name in shm.__all__ if isinstance(member := getattr(shm, name), type) and issubclass(member, shm.Error)
    ]
    for handle in (shm.Reader, shm.Writer):
        names += [name for name in inspect.signature(handle).parameters if name != "name"]
    assert "WriterAlive" in names and "open_timeout" in names
    for name in names:
        assert re.search(rf"\b{name}\b", README), name


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="NOT TESTED: what later versions of Python do")
@pytest.mark.parametrize("option, remains", [("", False), (", track=False", True)])
def test_shared_memory_of_python_removes_regions_as_the_readme_warns(
    option: str, remains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reported 32."""
    if option and sys.version_info < (3, 13):
        pytest.skip("NOT TESTED: this Python has no option track")
    monkeypatch.setenv("SHM_DIR", "/dev/shm")
    name = f"test-{os.getpid()}-{secrets.token_hex(8)}"
    writer = shm.Writer(name, "text")
    try:
        code = f"from multiprocessing.shared_memory import SharedMemory as S; S({name!r}{option}).close()"
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=20)
        until(lambda: os.path.exists(f"/dev/shm/{name}") == remains)
        assert "**Do not open a region with `multiprocessing.shared_memory`.**" in README and "track=False" in README
    finally:
        for file in (name, f".{name}.lock"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"/dev/shm/{file}")
        writer.close()
