"""The test vectors of docs/vectors: reading each file must give the expected values."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import shm
from shm import _files

VECTORS = Path(__file__).parents[2] / "docs" / "vectors"
ENTRIES = json.loads((VECTORS / "vectors.json").read_text())
CLASSES = {
    shm.NotARegion: "not a region",
    shm.UnknownFormat: "unknown format",
    shm.Damaged: "damaged",
    shm.BadValue: "bad value",
}


def class_of(error: shm.Error) -> str:
    return "unknown kind" if "kind" in str(error) and isinstance(error, shm.UnknownFormat) else CLASSES[type(error)]


def read(name: str) -> dict[str, Any]:
    try:
        reader = shm.Reader(name, start="oldest")
    except shm.Error as error:
        return {"refused": class_of(error)}
    seen: dict[str, Any] = {"kind": reader.kind, "values": []}
    while True:
        try:
            seen["values"].append((reader.try_recv(), reader.sequence)[::-1])
        except (shm.TimedOut, shm.Ended):
            break
        except shm.BadValue:
            seen["values"].append((reader.sequence, shm.BadValue))
        except shm.Error as error:
            seen["then"] = class_of(error)
            break
    reader = shm.Reader(name)  # a reader that has not received anything
    try:
        reader.latest()
        seen["latest"] = reader.sequence
    except shm.Empty:
        seen["latest"] = None
    except shm.BadValue:
        seen["latest"] = reader.sequence
    except shm.Error as error:
        seen["latest"] = class_of(error)
    if (schema := reader.schema or reader.array) is not None:
        seen["schema"] = schema
    return seen


def check_value(kind: str, expected: dict[str, Any], value: Any) -> None:
    if "error" in expected:
        assert value is shm.BadValue
    elif kind in ("text", "json"):
        assert value == expected["value"]
    elif kind == "array":
        assert memoryview(value).tobytes().hex() == expected["hex"]
        # Without NumPy, arrays that have a length of 0 have one dimension.
        assert list(memoryview(value).shape or ()) == expected["shape"] or 0 in expected["shape"]
    elif kind == "bytes" or "value" not in expected:
        assert bytes(value).hex() == expected["hex"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_each_vector_is_read_as_expected(
    entry: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_files, "is_in_memory", lambda descriptor: False)
    shutil.copy(VECTORS / entry["file"], tmp_path / entry["file"])
    seen = read(entry["file"])
    assert {name: seen.get(name) for name in ("refused", "kind", "schema", "then")} == {
        name: entry.get(name) for name in ("refused", "kind", "schema", "then")
    }
    if "refused" in entry:
        return
    assert seen["latest"] == entry["latest"]
    assert [sequence for sequence, _ in seen["values"]] == [value["sequence"] for value in entry["values"]]
    for expected, (_, value) in zip(entry["values"], seen["values"], strict=True):
        check_value(entry["kind"], expected, value)


def test_a_type_with_every_part(tmp_path: Path) -> None:
    """The type with every part: the values are as in JSON, except where Python has better types."""
    [entry] = [entry for entry in ENTRIES if entry["file"] == "typed.region"]
    shutil.copy(VECTORS / entry["file"], tmp_path / entry["file"])
    value = shm.Reader(entry["file"]).latest()
    assert list(value) == list(entry["values"][0]["value"])
    assert value["large"] == [-(2**127), 2**128 - 1]
    assert value["blob"] == b"\xff\x00"
    assert [str(number) for number in value["odd"]] == ["nan", "inf", "-inf"]
    same = [name for name in value if name not in ("large", "blob", "odd", "by_number", "floats")]
    assert {name: value[name] for name in same} == {name: entry["values"][0]["value"][name] for name in same}
    with shm.Writer("again", schema=entry["schema"]) as writer:
        writer.publish(value)
    again = shm.Reader("again", kind="bincode")
    payload = again.view()
    assert bytes(payload.data).hex() == entry["values"][0]["hex"]
