"""Errors keep their cause, survive pickling, and never advise to destroy anything. Their texts: see test_messages.py."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shm
from shm import _files, _linux

PACKAGE = Path(shm.__file__).parent


def text_writer(**options: Any) -> shm.Writer:
    return shm.Writer("r", "text", **options)


def bad_text() -> None:
    with text_writer() as writer:
        writer._ring.publish(b"ab\xff")
        shm.Reader("r").recv()


def bad_json() -> None:
    with shm.Writer("r", "json") as writer:
        writer._ring.publish(b"{")
        shm.Reader("r").recv()


def unpublishable_json() -> None:
    with shm.Writer("r", "json") as writer:
        writer.publish({1})


def timed_out() -> None:
    with text_writer():
        shm.Reader("r").recv(0.001)


def ended() -> None:
    text_writer().close()
    shm.Reader("r").recv()


def other_kind() -> None:
    text_writer().close()
    shm.Writer("r", "json")


def test_an_error_of_the_system_is_explained_and_kept_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    def strange(descriptor: int, length: int) -> None:
        raise OSError(71, "Protocol error")

    cases = [(full, "its file system has too little free space, or no free inode; free some"), (strange, "reports 'Protocol error'; correct")]
    for fault, text in cases:
        monkeypatch.setattr(_linux, "fallocate", fault)
        with pytest.raises(shm.Error, match=f"cannot open region 'r' for writing: .*{text}") as caught:
            shm.Writer("r")
        assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    "act",
    [
        lambda: shm.Reader("r"),
        lambda: shm.Reader("r", open_timeout=0.01),
        lambda: shm.Reader("/no/r"),
        lambda: shm.Writer("r", schema="{"),
        bad_text,
        bad_json,
        unpublishable_json,
    ],
)
def test_an_error_that_has_a_cause_keeps_it(act: Callable[[], object]) -> None:
    with pytest.raises(shm.Error) as caught:
        act()
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("act", [timed_out, ended, other_kind])
def test_an_error_can_be_sent_to_another_process(act: Callable[[], object]) -> None:
    with pytest.raises(shm.Error) as caught:
        act()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (type(caught.value), str(caught.value))


def test_the_cause_of_a_misfit_is_kept_through_all_levels() -> None:
    schema = {"type": {"TYPENAME": "R"}, "types": {"R": {"STRUCT": [{"a": {"SEQ": "U8"}}]}}}
    with shm.Writer("r", schema=schema) as writer, pytest.raises(shm.BadValue, match=r"value\.a\[1\]: expected U8") as caught:
        writer.publish({"a": [1, 300]})
    misfit = caught.value.__cause__
    assert misfit is not None and isinstance(misfit.__cause__, OverflowError)


@pytest.mark.parametrize("open_region", [shm.Writer, shm.Reader])
def test_a_bad_option_is_both_an_error_of_the_package_and_a_value_error(open_region: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="region 'r'.*there is no kind 'novel'") as caught:
        open_region("r", kind="novel")
    assert isinstance(caught.value, shm.BadOption) and isinstance(caught.value, shm.Error)


def test_no_source_hides_a_cause_or_advises_to_destroy() -> None:
    for file in PACKAGE.glob("*.py"):
        source = file.read_text()
        assert "from None" not in source, file.name
        for advice in re.findall(r', f?"([a-z][^"\n]*)"\)', source):
            assert not re.search(r"\b(remove|delete|rm)\b", advice), f"{file.name}: {advice}"


def test_a_directory_that_cannot_be_listed_is_an_error_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "region_directory", lambda: "/no/such/directory")
    with pytest.raises(shm.Error, match="cannot list the regions in /no/such/directory: .*; ") as caught:
        shm.regions()
    assert isinstance(caught.value.__cause__, FileNotFoundError)
