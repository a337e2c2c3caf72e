"""Wrong arguments: each call raises `shm.Error`, none hangs, and none changes anything before it has checked them."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import shm
from wrong import TABLE, of_numpy

DEADLINE_SECONDS = 10
try:
    import numpy
except ImportError:
    WRONG = TABLE
else:
    WRONG = TABLE | of_numpy(numpy)

SCHEMAS: list[Any] = [
    "UNIT", "BOOL", "U8", "I128", "F32", "CHAR", "STR", "BYTES", {"OPTION": "U8"}, {"SEQ": "STR"}, {"TUPLE": ["U8", "STR"]},
    {"TUPLEARRAY": {"CONTENT": "U8", "SIZE": 3}}, {"MAP": {"KEY": "STR", "VALUE": "U8"}}, {"MAP": {"KEY": "F32", "VALUE": "U8"}},
    {"TYPENAME": "S"}, {"TYPENAME": "E"},
]  # fmt: skip
TYPES = {"S": {"STRUCT": [{"a": "U8"}]}, "E": {"ENUM": {"0": {"A": "UNIT"}, "1": {"B": {"NEWTYPE": "U8"}}}}}
KINDS: dict[str, dict[str, Any]] = {
    "none": {}, "bytes": {"kind": "bytes"}, "text": {"kind": "text"}, "json": {"kind": "json"}, "bincode": {"kind": "bincode"},
    "f4": {"dtype": "<f4", "shape": (2, 2)}, "b1": {"dtype": "|b1", "shape": (0,)}, "u1": {"dtype": "|u1", "shape": (0, 3)},
    **{str(form): {"schema": {"type": form, "types": TYPES}} for form in SCHEMAS},
}  # fmt: skip


class TooSlow(BaseException):
    """Not an Exception, so that no code under test can catch it."""


@contextlib.contextmanager
def deadline(what: str) -> Iterator[None]:
    def too_slow(*_: object) -> None:
        raise TooSlow(what)

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def contents(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in os.listdir(directory)}


def make(**options: Any) -> None:
    with shm.Writer("r", **options, slots=2) as writer:
        if options == {"kind": "text"}:
            writer.publish("one")
            writer.publish("two")


def use(call: Callable[[Any], Any], label: str, directory: Path) -> bool:
    """Calls with a wrong argument. Returns whether the call accepted it. If not, nothing may have changed."""
    value = WRONG[label]()
    before = contents(directory)
    with deadline(label):
        try:
            result = call(value)
        except shm.Error as error:
            assert str(error).startswith("cannot "), str(error)
            assert len(str(error)) < 20_000
        else:
            if hasattr(result, "close"):
                result.close()
            return True
    assert contents(directory) == before, label
    return False


def parameters() -> list[tuple[str, str]]:
    return [
        (function, name)
        for function in ("Writer", "Reader", "inspect")
        for name in inspect.signature(getattr(shm, function)).parameters
    ]


NUMBERS = {"int64", "uint8", "0-d", "3", "an evil int"}
DTYPES = {
    "int", "a dtype", "a NumPy type", "an abstract type", "2-d", "1-d", "0-d", "[4]", "int64", "uint8", "float32 nan", "bool_", "bools",
    "empty", "None",
}  # fmt: skip
#: The arguments of the table that are right for a parameter.
ACCEPTED = {
    "name": {"novel", "an Enum", "str_", "an evil str"},
    "kind": {"None"}, "dtype": DTYPES, "schema": {"None"},
    "shape": {"()", "None"},
    "slots": {"None", "0-d", "an evil int"}, "capacity": {"None", "0", *NUMBERS}, "mode": {"None"}, "replace": {"False"}, "checksum": {"None", "True", "False", "bool_"},
    "start": {*NUMBERS}, "limit": {"None", "2**62+1"},
    "open_timeout": {"None", "0", "-1", "1.5", "-0.5", "inf", "-inf", "2**62+1", "2**63", "2**64", "-2**63", *NUMBERS},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("function, parameter", parameters())
def test_wrong_arguments_are_refused_before_anything_changes(function: str, parameter: str, region_directory: Path) -> None:
    others: dict[str, Any] = {"name": "r"}
    if parameter in ("dtype", "shape"):
        others |= {"dtype": "<f8", "shape": (3,)}
    make(kind="text")

    def call(value: Any) -> Any:
        return getattr(shm, function)(**{**others, parameter: value})

    accepted = set()
    for label in WRONG:
        if use(call, label, region_directory):
            accepted.add(label)
            for file in os.listdir(region_directory):
                os.unlink(region_directory / file)
            make(kind="text")
    assert accepted <= ACCEPTED[parameter], accepted - ACCEPTED[parameter]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_values_are_refused_and_nothing_changes(kind: str, region_directory: Path) -> None:
    make(**KINDS[kind])
    writer = shm.Writer("r", **KINDS[kind])
    if kind == "none":
        writer.publish(b"bytes, so that no array can decide the kind")
    published = writer.head
    try:
        for label in WRONG:
            if label in ("a closed reader", "a reader", "a view", "info"):
                continue
            if use(writer.publish, label, region_directory):
                published += 1
            assert writer.head == published, label
    finally:
        writer.close()
    seen = 0
    for _ in shm.Reader("r", start="oldest"):
        seen += 1
    assert seen == min(2, published)  # readers can decode what was accepted


@pytest.mark.parametrize("method", ["recv", "follow", "seek", "next", "__exit__"])
def test_methods_of_a_reader_refuse_wrong_arguments(method: str, region_directory: Path) -> None:
    make(kind="text")
    for label in WRONG:
        reader = shm.Reader("r", start="oldest")

        def call(value: Any, reader: shm.Reader = reader) -> Any:
            if method == "next":
                return next(reader.follow(value))
            if method == "__exit__":
                return reader.__exit__(value, value, value)
            return getattr(reader, method)(value)

        if use(call, label, region_directory) and method != "__exit__":
            assert label in ACCEPTED["start" if method == "seek" else "open_timeout"], label


HANDLES = {
    shm.Reader: ["latest", "view", "recv", "try_recv", "__iter__", "follow", "writer", "close", "__enter__", "__exit__"],
    shm.Writer: ["remove", "close", "__enter__", "__exit__"],
}


@pytest.mark.parametrize("handle", HANDLES)
def test_closed_handles_raise_only_errors_of_the_package(handle: Any, region_directory: Path) -> None:
    make(kind="text")
    closed = handle("r")
    closed.close()
    before = contents(region_directory)
    properties = [name for name, member in inspect.getmembers(handle) if isinstance(member, property)]
    assert len(properties) > 5
    with deadline("closed"):
        for name in HANDLES[handle]:
            with contextlib.suppress(shm.Error):
                made = getattr(closed, name)()
                if name in ("__iter__", "follow"):
                    next(made)
        with contextlib.suppress(shm.Error):
            closed.seek("oldest") if handle is shm.Reader else closed.publish("x")
        for name in properties:
            with contextlib.suppress(shm.Error):
                getattr(closed, name)
            with pytest.raises(AttributeError):  # as Python does for every property without a setter
                setattr(closed, name, None)
    assert contents(region_directory) == before


def test_the_attributes_of_a_view_have_no_effect_on_it(region_directory: Path) -> None:
    make(kind="text")
    for label in WRONG:
        view = shm.Reader("r").view()
        view.sequence = view.time = view.data = WRONG[label]()
        assert view.is_whole()
        view.__exit__(WRONG[label]())
        with pytest.raises(shm.Error):
            shm.View(WRONG[label](), WRONG[label](), WRONG[label](), WRONG[label]())


@pytest.mark.parametrize("value", ["", "absent", "a/b", "\udcff", "x" * 5000])
def test_a_strange_directory_is_an_error(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHM_DIR", value or "absent")
    for call in (shm.regions, lambda: shm.inspect("r"), lambda: shm.Reader("r"), lambda: shm.Writer("r")):
        with pytest.raises(shm.Error):
            call()
