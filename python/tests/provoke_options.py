"""Provokes every error that an argument, a schema, or another kind or type can cause."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import shm
from provoke import LINE, READING, Act, Place, raising, text_writer
from provoke_files import schema_of

# Options


def option(*arguments: Any, **options: Any) -> Act:
    return lambda p: shm.Writer("r", *arguments, **options)


def reading(**options: Any) -> Act:
    return lambda p: shm.Reader("r", **options)


def receiving(timeout: Any, use: Callable[..., object] = shm.Reader.recv) -> Act:
    def act(p: Place) -> None:
        with text_writer():
            use(shm.Reader("r"), timeout)

    return act


class Raising:
    """An argument whose methods raise."""

    __class__ = property(raising(KeyError("secret")))  # type: ignore[assignment]


def a_view_of_nothing(p: Place) -> None:
    shm.View(b"", 1, None, "r")  # type: ignore[arg-type]


def a_wrong_position(p: Place) -> None:
    with text_writer():
        shm.Reader("r").seek(0)


def mismatch(written: dict[str, Any], wanted: dict[str, Any], use: Callable[..., object] = shm.Reader) -> Act:
    def act(p: Place) -> None:
        shm.Writer("r", **written).close()
        use("r", **wanted)

    return act


def another_spelling(p: Place) -> None:
    schema_of(b'{"types":{},"type":"U8"}')(p)
    shm.Reader("r", schema={"type": "U8", "types": {}})


def of_the_type(form: Any) -> Act:
    return option(schema={"type": form, "types": {}})


def of_the_types(**types: Any) -> Act:
    return option(schema={"type": "U8", "types": types})


def nested(depth: int, what: str, inner: Any) -> Any:
    for _ in range(depth):
        inner = {what: inner}
    return inner


Keys = TypedDict("Keys", {"x": int}, total=False)
Here = dataclasses.make_dataclass("Here", [("x", "Missing")])
Same, Other = (dataclasses.make_dataclass("Same", [("x", of)]) for of in (int, str))

ACTS: list[Act] = [
    # Options
    option("novel"),
    option(dtype="<f4"),
    option(shape=(2, 3)),
    option(dtype="<f4", shape=(2,), schema="{}"),
    option("text", dtype="<f4", shape=(2,)),
    option("text", schema={"name": "Reading", "version": 1}),
    option("array"),
    option(dtype="nonsense", shape=()),
    option(replace=True),
    option(slots=3),
    option(slots=0),
    option(slots="many"),
    option(dtype="<f4", shape=5),
    option(capacity=-1),
    option(capacity=1.5),
    option(mode=0o666),
    option(mode="600"),
    option(slots=1 << 70),
    option(slots=True),
    option(checksum="no"),
    option(replace="no", kind="text"),
    option(kind=Raising()),
    reading(start="first"),
    reading(limit="large"),
    reading(open_timeout="1"),
    reading(open_timeout=math.nan),
    receiving("1"),
    receiving(10**400),
    receiving("1", shm.Reader.follow),
    a_view_of_nothing,
    reading(kind="novel"),
    a_wrong_position,
    # Schemas
    option(dtype=">f4", shape=(2,)),
    option(dtype="M8[ns]", shape=(2,)),
    option(dtype="<f4", shape=(1, 0)),
    option(dtype="<f4", shape=[1] * 33),
    option(dtype="<f4", shape=(1 << 60,)),
    option(schema=dataclasses.make_dataclass("Reading", [("rooms", list[set[str]])])),
    option(schema=Annotated[int, "f32"]),
    option(schema=Keys),
    option(schema=Here),
    option(schema=tuple[Same, Other]),
    option(schema={1, 2}),
    option(schema=b" " * (1 << 20)),
    option(schema="{"),
    option(schema=b"\xff"),
    option(schema="[" * 100_000),
    option(schema="9" * 10_000),
    option(schema="NaN"),
    option(schema='{"a": 1, "a": 1}'),
    option(schema="[]"),
    option(schema=nested(200, "OPTION", "U8")),
    option(schema={"type": "U8"}),
    option(schema={"name": 1, "version": 1}),
    option(schema={"name": "x" * 300, "version": 1}),
    option(schema='{"name": "\\ud800", "version": 1}'),
    of_the_type("U7"),
    of_the_type({"TYPENAME": "Reading"}),
    of_the_type({"OPTION": "U8", "SEQ": "U8"}),
    of_the_type({"SEQ": {"STRUCT": []}}),
    of_the_type({"TUPLE": "U8"}),
    of_the_types(T={"NEWTYPESTRUCT": LINE}),
    of_the_types(T={"UNION": []}),
    of_the_types(T={"STRUCT": "U8"}),
    of_the_types(T={"STRUCT": [{"a": "U8"}, {"a": "U8"}]}),
    of_the_types(T={"ENUM": {"x": {"A": "UNIT"}}}),
    of_the_types(T={"ENUM": {"0": {"A": "UNIT"}, "1": {"A": "UNIT"}}}),
    of_the_types(T={"ENUM": {"0": {"A": {"UNION": []}}}}),
    # Other kinds and types
    mismatch({"kind": "text"}, {"kind": "json"}),
    mismatch({"kind": "text"}, {"kind": "json"}, shm.Writer),
    mismatch({"kind": "bincode"}, {"schema": {"type": "U8", "types": {}}}),
    mismatch({"dtype": "<f4", "shape": (2,)}, {"dtype": "<f8", "shape": (2,)}, shm.Writer),
    mismatch({"schema": {"name": "R", "version": 1}}, {"schema": {"name": "R", "version": 2}}),
    mismatch({"schema": {"name": "R", "version": 1}}, {"schema": {"type": "U8", "types": {}}}),
    mismatch({"schema": {"type": {"SEQ": "U8"}, "types": {}}}, {"schema": {"type": {"SEQ": "I8"}, "types": {}}}),
    mismatch(
        {"schema": {"type": LINE, "types": {"T": READING}}},
        {"schema": {"type": LINE, "types": {"T": {"STRUCT": [{"room": "STR"}]}}}},
    ),
    mismatch(
        {"schema": {"type": LINE, "types": {"T": {"STRUCT": [{"room": "STR"}]}}}},
        {"schema": {"type": LINE, "types": {"T": READING}}},
    ),
    another_spelling,
]
