"""Schemas from dataclasses and other annotations, and values of such types."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Annotated, Any, NotRequired, Optional, Tuple, TypedDict

import pytest
import shm


class State(enum.Enum):
    IDLE = 1
    MOVING = "moving"


class Point(TypedDict):
    x: float
    y: Annotated[float, "f32"]


@dataclasses.dataclass
class Node:
    name: str
    children: list[Node]


@dataclasses.dataclass
class Reading:
    room: str
    count: Annotated[int, "u16"]
    state: State
    at: Point | None
    samples: list[float]
    pair: tuple[int, bool]
    many: tuple[bytes, ...]
    by_name: dict[str, Optional[int]]
    letter: Annotated[str, "char"]
    nothing: None
    tree: Node


FORMATS = [
    (int, "I64"), (float, "F64"), (bool, "BOOL"), (str, "STR"), (bytes, "BYTES"), (type(None), "UNIT"),
    (Annotated[int, "i128"], "I128"), (Annotated[int, "any other note", "u8"], "U8"), (Annotated[int, 5], "I64"),
    (list[int], {"SEQ": "I64"}), (tuple[int, ...], {"SEQ": "I64"}), (tuple[int, str], {"TUPLE": ["I64", "STR"]}),
    (tuple[int, int], {"TUPLEARRAY": {"CONTENT": "I64", "SIZE": 2}}), (int | None, {"OPTION": "I64"}),
    (Optional[list[bytes]], {"OPTION": {"SEQ": "BYTES"}}), (dict[str, float], {"MAP": {"KEY": "STR", "VALUE": "F64"}}),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "form"), FORMATS)
def test_an_annotation_is_a_format(annotation: Any, form: Any) -> None:
    with shm.Writer("r", schema=annotation):
        assert shm.inspect("r").schema == {"type": form, "types": {}}
    shm.Reader("r", schema=annotation).close()
    shm.Reader("r", schema={"type": form, "types": {}}).close()


def test_a_dataclass_is_a_struct_and_its_objects_are_values() -> None:
    tree = Node("root", [Node("leaf", [])])
    value = Reading("kitchen", 3, State.MOVING, {"x": 0.5, "y": 1.5}, [1.0], (-1, True), (b"a",), {"a": 1, "b": None}, "ä", None, tree)
    with shm.Writer("r", schema=Reading) as writer:
        writer.publish(value)
        writer.publish({**shm.Reader("r").latest(), "at": None})
    with shm.Reader("r", schema=Reading, start="oldest") as reader:
        found = reader.recv()
        assert found["state"] == "MOVING" and found["pair"] == [-1, True] and found["tree"]["children"][0]["name"] == "leaf"
        assert found == {**dataclasses.asdict(value), "state": "MOVING", "pair": [-1, True], "many": [b"a"]}
        assert reader.recv()["at"] is None
    types = shm.inspect("r").schema["types"]
    assert sorted(types) == ["Node", "Point", "Reading", "State"]
    assert types["State"] == {"ENUM": {"0": {"IDLE": "UNIT"}, "1": {"MOVING": "UNIT"}}}
    assert types["Point"] == {"STRUCT": [{"x": "F64"}, {"y": "F32"}]}


def test_numpy_types_are_their_widths() -> None:
    numpy = pytest.importorskip("numpy")
    for annotation, form in [(numpy.uint8, "U8"), (numpy.float32, "F32"), (numpy.int64, "I64"), (numpy.bool_, "BOOL")]:
        with shm.Writer("r", schema=annotation, replace=True):
            assert shm.inspect("r").schema["type"] == form
    for annotation in (numpy.float16, numpy.complex64, numpy.str_):
        with pytest.raises(shm.BadOption, match="no schema can be derived from"):
            shm.Writer("s", schema=annotation)


@dataclasses.dataclass
class Unclear:
    inner: dict[str, list[set[int]]]


class Partial(TypedDict):
    x: NotRequired[int]


@dataclasses.dataclass
class Unknown:
    x: Missing  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("annotation", "fault"),
    [
        (set, "no schema can be derived from 'set'"),
        (list, "no schema can be derived from 'list'"),
        (object, "no schema can be derived from 'object'"),
        (Tuple, "no schema can be derived from 'typing.Tuple'"),
        (int | str, "no schema can be derived from 'int | str'"),
        (Unclear, r"inner\[\]\[\]: no schema can be derived from 'set"),
        (Partial, r"the keys \['x'\] of 'Partial' may be absent"),
        (Unknown, "the annotations of 'Unknown' cannot be looked up: "),
        (Annotated[float, "u8"], "'u8' cannot be the width of "),
        (tuple[Node, dataclasses.make_dataclass("Node", [("a", int)])], r"\[1\]: two types have the name 'Node'"),
    ],
)
def test_other_types_are_refused_with_their_place(annotation: Any, fault: str) -> None:
    with pytest.raises(shm.BadOption, match=f"cannot open region 'r' for writing: {fault}"):
        shm.Writer("r", schema=annotation)
    assert shm.regions() == []


def test_a_type_that_contains_itself_is_refused() -> None:
    @dataclasses.dataclass
    class Endless:
        inner: Endless

    Endless.__annotations__["inner"] = Endless
    with pytest.raises(shm.BadOption, match="contains itself"):
        shm.Writer("r", schema=Endless)


def test_a_value_of_another_class_is_refused() -> None:
    with shm.Writer("r", schema=Node) as writer:
        for value in (Node("a", [3]), Node, State.IDLE, object()):  # type: ignore[list-item]
            with pytest.raises(shm.BadValue):
                writer.publish(value)
    assert json.dumps(shm.inspect("r").head) == "0"
