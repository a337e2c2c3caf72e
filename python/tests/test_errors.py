"""Error texts: what was being done to which region, what is wrong, what to do; and the error that caused it."""

from __future__ import annotations

import os
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shm
from shm import _files, _linux

PACKAGE = Path(shm.__file__).parent


def text_writer(**options: Any) -> shm.Writer:
    return shm.Writer("r", "text", **options)


def poke(at: int, layout: str, value: int) -> None:
    with open(Path(os.environ["SHM_DIR"]) / "r", "r+b") as file:
        file.seek(at)
        file.write(struct.pack("<" + layout, value))


def damaged_header() -> None:
    text_writer().close()
    poke(64, "Q", 32)
    shm.Reader("r")


def damaged_value() -> None:
    with text_writer(checksum=True) as writer:
        writer.publish("abc")
        poke(8 * writer._ring.slot_word(1) + 24, "B", 7)
        shm.Reader("r").latest()


def emptied() -> None:
    text_writer().close()
    poke(0x180, "I", 0)
    shm.Reader("r").recv()


def lost_head() -> None:
    text_writer().close()
    poke(392, "Q", 3)
    shm.Reader("r").latest()


def short_file() -> None:
    text_writer().close()
    os.truncate(Path(os.environ["SHM_DIR"]) / "r", 5000)
    shm.Writer("r")


def bad_text() -> None:
    with text_writer() as writer:
        writer._ring.publish(b"ab\xff")
        shm.Reader("r").recv()


def bad_json() -> None:
    with shm.Writer("r", "json") as writer:
        writer._ring.publish(b"{")
        shm.Reader("r").recv()


def publish(kind: str, value: Any) -> Callable[[], object]:
    def act() -> None:
        with shm.Writer("r", kind) as writer:
            writer.publish(value)

    return act


def second_writer() -> None:
    with text_writer():
        shm.Writer("r")


def closed_writer() -> None:
    writer = text_writer()
    writer.close()
    writer.publish("")


def removed_twice() -> None:
    writer = text_writer()
    writer.remove()
    writer.remove()


def closed_reader() -> None:
    with text_writer():
        reader = shm.Reader("r")
        reader.close()
        reader.recv()


def closed_reader_s_writer() -> None:
    with text_writer():
        reader = shm.Reader("r")
        reader.close()
        reader.writer()


def empty() -> None:
    with text_writer():
        shm.Reader("r").latest()


def timed_out() -> None:
    with text_writer():
        shm.Reader("r").recv(0.001)


def ended() -> None:
    text_writer().close()
    shm.Reader("r").recv()


def other_kind() -> None:
    text_writer().close()
    shm.Writer("r", "json")


def no_region_file() -> None:
    (Path(os.environ["SHM_DIR"]) / "r").write_text("shopping list")
    shm.Reader("r")


def too_large() -> None:
    text_writer().close()
    shm.Reader("r", limit=100)


def shared_file() -> None:
    text_writer().close()
    (Path(os.environ["SHM_DIR"]) / "r").chmod(0o666)
    shm.Writer("r")


CASES: list[tuple[Callable[[], object], type[shm.Error], str]] = [
    (lambda: shm.Reader("-r"), shm.BadName, "cannot open region '-r': a region's name has 1 to 200 of the characters"),
    (lambda: shm.Writer("a b"), shm.BadName, "cannot write region 'a b': a region's name has"),
    (lambda: shm.inspect(""), shm.BadName, "cannot inspect region '': a region's name has"),
    (lambda: shm.Reader("r"), shm.NotFound, "cannot open region 'r': there is no such region; start its writer"),
    (lambda: shm.Reader("/no/r"), shm.NotFound, "cannot open region '/no/r': there is no directory /no/; create it"),
    (lambda: shm.Writer("/no/r"), shm.NotFound, "cannot write region '/no/r': there is no directory /no/; create it"),
    (no_region_file, shm.NotARegion, "cannot open region 'r': it does not begin as a region does; use another name"),
    (damaged_header, shm.Damaged, "cannot open region 'r': the CRC of its header is wrong; find out which program"),
    (damaged_value, shm.Damaged, "cannot read the newest value of region 'r': value 1 has a wrong checksum, or none; find"),
    (emptied, shm.Damaged, "cannot receive a value of region 'r': its state has the impossible number 0"),
    (lost_head, shm.Damaged, "cannot read the newest value of region 'r': its header names value 3 as the newest, but"),
    (short_file, shm.Damaged, "cannot write region 'r': its file has 5000 bytes, and its header says"),
    (bad_text, shm.BadValue, "cannot decode value 1 of region 'r': it is not UTF-8 from byte 2 on; the values after it"),
    (bad_json, shm.BadValue, "cannot decode value 1 of region 'r': it is not JSON: it breaks off or goes wrong at character 1;"),
    (publish("text", 5), shm.BadValue, "cannot publish to region 'r': expected a str, got int; publish a value that fits"),
    (publish("text", "\ud800"), shm.BadValue, "cannot publish to region 'r': character 0 of the text has no UTF-8 form;"),
    (publish("bytes", 5), shm.BadValue, "cannot publish to region 'r': expected bytes, got int; publish a value"),
    (publish("json", {1, 2}), shm.BadValue, "cannot publish to region 'r': JSON cannot express it: a set, or something in it,"),
    (publish("json", float("nan")), shm.BadValue, "JSON cannot express it: a number in it is not finite; publish"),
    (second_writer, shm.WriterAlive, "cannot write region 'r': it has a living writer; wait until that one ends, or use"),
    (closed_writer, shm.Gone, "cannot publish to region 'r': the writer is closed; open another one"),
    (removed_twice, shm.Gone, "cannot remove region 'r': the writer is closed; open another one"),
    (closed_reader, shm.Error, "cannot use region 'r': the reader is closed; open another one"),
    (closed_reader_s_writer, shm.Error, "cannot use region 'r': the reader is closed; open another one"),
    (empty, shm.Empty, "cannot read the newest value of region 'r': it has no value yet; wait for one with recv()"),
    (timed_out, shm.TimedOut, "cannot receive a value of region 'r': none came within 0.001 seconds; wait longer, or ask"),
    (ended, shm.Ended, "cannot receive a value of region 'r': its writer closed it, and every value was received; follow()"),
    (other_kind, shm.TypeMismatch, "cannot write region 'r': it holds text, not json; leave out kind and type to take"),
    (too_large, shm.TooLarge, "cannot open region 'r': it has 270336 bytes, and the limit is 100; raise the limit"),
    (shared_file, shm.NotOurs, "cannot write region 'r': its file may be written by others; take that permission from"),
]


@pytest.mark.parametrize("act, error, text", CASES, ids=[text for _, _, text in CASES])
def test_a_text_says_what_was_done_to_which_region_what_is_wrong_and_what_to_do(
    act: Callable[[], object], error: type[shm.Error], text: str
) -> None:
    with pytest.raises(shm.Error) as caught:
        act()
    found = str(caught.value)
    assert type(caught.value) is error and text in found
    assert re.fullmatch(r"cannot [a-z0-9 ]+ '[^']*': .*; .*[^.]", found) and not re.search("remove it|Error|codec", found)


def test_an_error_of_the_system_is_explained_and_kept_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    def strange(descriptor: int, length: int) -> None:
        raise OSError(71, "Protocol error")

    for fault, text in [(full, "there is not enough free space; free some"), (strange, "reports 'Protocol error'; correct")]:
        monkeypatch.setattr(_linux, "fallocate", fault)
        with pytest.raises(shm.Error, match=f"cannot write region 'r': .*{text}") as caught:
            shm.Writer("r")
        assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("act", [lambda: shm.Reader("r"), lambda: shm.Reader("/no/r"), bad_text, bad_json, publish("json", {1})])
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


def test_a_misfit_keeps_its_cause_through_all_levels() -> None:
    schema = {"type": {"TYPENAME": "R"}, "types": {"R": {"STRUCT": [{"a": {"SEQ": "U8"}}]}}}
    with shm.Writer("r", schema=schema) as writer, pytest.raises(shm.BadValue, match=r"value\.a\[1\]: expected U8") as caught:
        writer.publish({"a": [1, 300]})
    misfit = caught.value.__cause__
    assert misfit is not None and isinstance(misfit.__cause__, OverflowError)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"schema": "{"}, "schema is not valid: it is not JSON: it breaks off or goes wrong at character 1"),
        ({"schema": b"\xff"}, "schema is not valid: it is not JSON: it is not UTF-8 from byte 0 on"),
        ({"schema": {1, 2}}, "schema is not valid: it cannot be written as JSON"),
        ({"dtype": "<f4", "shape": (1, 0)}, "dtype and shape are not valid: in the shape [1, 0] only the first"),
        ({"slots": 3}, "slots must be a power of two and at least 2, not 3"),
        ({"capacity": -1}, "capacity must be a number of bytes, not -1"),
        ({"mode": 0o666}, "mode must be one of 0o600, 0o640, 0o604, 0o644, not 0o666"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        shm.Writer("r", **options)
    assert text in str(caught.value)


def test_no_source_hides_a_cause_or_advises_to_destroy() -> None:
    for file in PACKAGE.glob("*.py"):
        source = file.read_text()
        assert "from None" not in source, file.name
        for text in re.findall(r'"[^"\n]*; [^"\n]*"', source):
            assert not re.search(r"\b(remove|delete|rm)\b", text), f"{file.name}: {text}"


def test_a_directory_that_cannot_be_listed_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "region_directory", lambda: "/no/such/directory")
    with pytest.raises(shm.Error, match="cannot list the regions in /no/such/directory: .*; ") as caught:
        shm.regions()
    assert isinstance(caught.value.__cause__, FileNotFoundError)
