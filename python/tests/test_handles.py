"""Readers, writers and views as objects: copies, descriptors, worker processes, and importing the package."""

from __future__ import annotations

import copy
import dataclasses
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shm
from conftest import DEADLINE_SECONDS, publish, retained, until

COPIES: list[Callable[[Any], Any]] = [
    copy.copy, copy.deepcopy, pickle.dumps, lambda handle: pickle.dumps(handle, 0), lambda handle: copy.deepcopy([handle]),
    lambda handle: dataclasses.asdict(Holder(handle)),
]  # fmt: skip


@dataclasses.dataclass
class Holder:
    handle: Any


def descriptors() -> dict[str, str]:
    gc.collect()  # so that no handle of an earlier test is closed between two calls
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass  # the one of the list itself
    return found


@pytest.mark.parametrize("duplicate", COPIES)
def test_handles_cannot_be_copied(duplicate: Callable[[Any], Any]) -> None:
    """Reported 4: a copy shared the lock and the descriptors, and closed them."""
    with shm.Writer("r", "text") as writer, shm.Reader("r") as reader:
        writer.publish("one")
        view = reader.view()
        before = descriptors()
        for handle, what in [
            (writer, "a writer"), (reader, "a reader"), (view, "a view"), (iter(reader), "an iterator"), (reader.follow(), "an iterator"),
        ]:  # fmt: skip
            with pytest.raises(shm.BadType, match=f"cannot use region 'r': {what} cannot be copied or pickled; ") as caught:
                duplicate(handle)
            assert isinstance(caught.value, TypeError)
        del caught, handle
        assert descriptors() == before
        with pytest.raises(shm.WriterAlive):
            shm.Writer("r")
        writer.publish("two")
        assert reader.recv(5) == "two" and view.is_whole()
    for handle in (writer, reader):
        with pytest.raises(shm.BadType):
            duplicate(handle)


def test_descriptions_and_errors_can_be_copied() -> None:
    shm.Writer("r", schema={"type": "U8", "types": {}}).close()
    with pytest.raises(shm.TypeMismatch) as caught:
        shm.Reader("r", kind="text")
    for value in (shm.inspect("r"), shm.regions()[0]):
        assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
        assert dataclasses.asdict(value)
    for error in (copy.copy(caught.value), copy.deepcopy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert type(error) is shm.TypeMismatch and str(error) == str(caught.value)
        error.during("again")
        assert str(error) == str(caught.value)


LOW = """
import os, sys
sys.path[:0] = {path!r}
report = os.fdopen(os.dup2(1, 30), "w")
for descriptor in {closed}:
    os.close(descriptor)
import shm
allowed = set(os.listdir("/proc/self/fd"))
def check(what):
    opened = [int(name) for name in os.listdir("/proc/self/fd") if name not in allowed]
    low = [(n, os.readlink(f"/proc/self/fd/{{n}}")) for n in opened if n < 3 and os.path.lexists(f"/proc/self/fd/{{n}}")]
    low = [(n, path) for n, path in low if not path.startswith("/proc/")]
    if low:
        print(what, low, file=report)
real = os.open
def open_(*arguments, **options):
    descriptor = real(*arguments, **options)
    path = os.readlink(f"/proc/self/fd/{{descriptor}}")
    if descriptor < 3 and path != "/":
        print("open", arguments, descriptor, file=report)
    return descriptor
os.open = open_
writer = shm.Writer("r", "text")
check("writer")
reader = shm.Reader("r")
check("reader")
writer.publish("x" * 10_000)
check("grown")
reader.latest(), reader.writer(), shm.inspect("r"), shm.regions(), reader.view()
check("all")
log = real(os.devnull, os.O_WRONLY)
if log != min({closed}):
    print("the log has descriptor", log, file=report)
for descriptor in range(3):
    os.dup2(30, descriptor)
    os.close(descriptor)
try:
    shm.Writer("r")
except shm.WriterAlive:
    print("done", file=report)
"""


# Fault 76.
@pytest.mark.parametrize("closed", [[0], [1], [2], [1, 2], [0, 2], [0, 1, 2]])
def test_no_descriptor_replaces_a_standard_one(closed: list[int]) -> None:
    """Reported 5: the lock became descriptor 2, and a program that opened its log there freed the lock."""
    code = LOW.format(closed=closed, path=[str(Path(shm.__file__).parent.parent)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.stdout == "done\n", (done.stdout, done.stderr)


def test_a_closed_writer_and_reader_keep_no_descriptor() -> None:
    before = descriptors()
    writer = shm.Writer("r")
    writer.publish(bytes(10_000))
    reader = shm.Reader("r")
    reader.latest()
    writer.close()
    reader.close()
    del reader._restart_is_due, writer._own, writer._ring  # mappings, which have descriptors before Python 3.13
    assert descriptors() == before


WORKERS = """
import concurrent.futures, multiprocessing, os, sys
sys.path[:0] = {path!r}
import shm
writer = None

def work(name):
    global writer
    writer = shm.Writer(name, "text")
    return writer.publish("from " + name)

def in_the_end(name):
    global writer
    writer = shm.Writer(name, "text")
    multiprocessing.util.Finalize(None, writer.publish, ("last",), exitpriority=0)

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    if {method!r} == "fork":
        parent = shm.Writer("parent", "text")
        parent.publish("before")
    process = context.Process(target=work, args=("process",))
    process.start()
    process.join()
    process = context.Process(target=in_the_end, args=("finalizer",))
    process.start()
    process.join()
    with context.Pool(1) as pool:
        pool.apply(work, ("pool",))
        pool.close()
        pool.join()
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        executor.submit(work, "executor").result()
    if {method!r} == "fork":
        parent.publish("after")
        print(shm.inspect("parent").writer, flush=True)
        child = os.fork()
        if child == 0:
            work("forked")
            sys.exit(0)
        os.waitpid(child, 0)
"""


# Fault 77.
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes_close_their_regions(method: str, region_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Reported 14: processes of `multiprocessing` do not run `atexit`, so that readers waited for ever."""
    program = tmp_path_factory.mktemp("program") / "workers.py"
    program.write_text(WORKERS.format(method=method, path=[str(Path(shm.__file__).parent.parent)]))
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=3 * DEADLINE_SECONDS)
    assert done.returncode == 0, done.stderr
    expected = {"process": ["from process"], "finalizer": ["last"], "pool": ["from pool"], "executor": ["from executor"]}
    if method == "fork":
        assert done.stdout == "alive\n"
        expected |= {"parent": ["before", "after"], "forked": ["from forked"]}
    assert {region.name: [value for _, value in retained(region.name)] for region in shm.regions()} == expected
    assert {region.info and region.info.state for region in shm.regions()} == {"closed"}


# Fault 77.
def test_a_worker_that_inherits_a_writer_does_not_close_it() -> None:
    code = "import shm, multiprocessing, multiprocessing.util as u\nw = shm.Writer('r', 'text')\n"
    code += "p = multiprocessing.get_context('fork').Process(target=print)\np.start(); p.join()\n"
    code += "assert shm.inspect('r').state == 'open' and shm.inspect('r').writer == 'alive'\nw.publish('x')\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS,
        env={**os.environ, "PYTHONPATH": str(Path(shm.__file__).parent.parent)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert retained() == [(1, "x")]


@pytest.mark.parametrize(
    "change, title",
    [
        ("sys.implementation.name = 'pypy'", "pypy 3."), ("sys.version_info = (3, 9, 18)", "cpython 3.9 on linux"),
        ("sys.platform = 'darwin'", "on darwin"), ("sys.platform = 'win32'", "on win32"),
    ],
)  # fmt: skip
def test_other_interpreters_and_systems_get_one_clear_import_error(change: str, title: str) -> None:
    """Reported 34."""
    path = str(Path(shm.__file__).parent.parent)
    code = f"import sys\nsys.path[:0] = [{path!r}]\n{change}\ntry: import shm\nexcept ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.stdout.startswith("shm needs CPython 3.10 or later on Linux, and this is "), (done.stdout, done.stderr)
    assert title in done.stdout


def test_what_the_import_checks_compiles_with_old_interpreters() -> None:
    package = Path(shm.__file__).parent
    text = (package / "__init__.py").read_text()
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert imports[0].startswith("from . import _requirements")
    for module in ("__init__.py", "_requirements.py"):
        compile((package / module).read_text(), module, "exec", dont_inherit=True)
        assert "match " not in (package / module).read_text() and "__future__" not in (package / module).read_text()


def test_a_reader_is_not_disturbed_by_failed_copies() -> None:
    """Reported 4: after a copy was closed, the original returned the old value for ever."""
    with shm.Writer("r", "text", capacity=8) as writer, shm.Reader("r") as reader:
        publish(writer, "old")
        for duplicate in COPIES:
            with pytest.raises(shm.Error):
                duplicate(reader)
        publish(writer, "new" * 10)  # replaces the file
        assert until(lambda: reader.latest() != "old") and reader.latest() == "new" * 10
