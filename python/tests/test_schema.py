"""Schema documents: those that must be refused, and the canonical form. FORMAT.md, section 22."""

from __future__ import annotations

import json

import pytest
from shm import _schema
from shm._codec import Misfit
from test_codec import codec, nested

BROKEN = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"null",
    b'{"type":"U8"}',
    b'{"type":"U8","types":[]}',
    b'{"type":"U8","types":{},"more":1}',
    b'{"type":"U8","type":"U8","types":{}}',
    b'{"name":"x"}',
    b'{"name":1,"version":1}',
    b'{"name":"x","version":-1}',
    b'{"dtype":"<f4"}',
    b'{"dtype":"<f3","shape":[]}',
    b'{"dtype":">f4","shape":[1]}',
    b'{"dtype":"<f4","shape":3}',
    b'{"dtype":"<f4","shape":[1,0]}',
    b'{"dtype":"<f4","shape":[-1]}',
    b'{"dtype":"<f4","shape":[1.0]}',
    b'{"dtype":"<f4","shape":[true]}',
    b'{"dtype":"<f4","shape":[-0]}',
    b'{"name":"x","version":-0}',
    b'{"type":{"TUPLEARRAY":{"CONTENT":"U8","SIZE":-0}},"types":{}}',
    b'{"dtype":"<f4","shape":[NaN]}',
    b'{"dtype":"<f4","shape":[70368744177664]}',
    json.dumps({"dtype": "|u1", "shape": [1] * 33}).encode(),
    b"[" * 100_000,
    b'{"type":' * 100_000,
    b" " * (1 << 20),
]
BROKEN_FORMATS = [
    "U7", "u8", 1, None, [], {}, {"OPTION": "U8", "SEQ": "U8"}, {"OPTION": ["U8"]}, {"TUPLE": "U8"}, {"MAP": ["U8", "U8"]},
    {"MAP": {"KEY": "U8"}}, {"TUPLEARRAY": {"CONTENT": "U8", "SIZE": -1}}, {"TUPLEARRAY": {"CONTENT": "U8", "SIZE": "2"}},
    {"TYPENAME": "Nowhere"}, {"TYPENAME": 1}, {"STRUCT": []}, {"SEQ": {"TYPENAME": "Nowhere"}}, nested(128, "U8"),
]  # fmt: skip
BROKEN_CONTAINERS = [
    "UNIT", "U8", {"STRUCT": {"a": "U8"}}, {"STRUCT": [{"a": "U8"}, {"a": "U8"}]}, {"STRUCT": [{"a": "U8", "b": "U8"}]},
    {"STRUCT": ["a"]}, {"ENUM": {"x": {"A": "UNIT"}}}, {"ENUM": {"01": {"A": "UNIT"}}}, {"ENUM": {"4294967296": {"A": "UNIT"}}},
    {"ENUM": {"0": "A"}}, {"ENUM": {"0": {"A": "UNITSTRUCT"}}}, {"ENUM": {"0": {"A": "UNIT"}, "1": {"A": "UNIT"}}},
    {"ENUM": {"٣": {"A": "UNIT"}}}, {"NEWTYPESTRUCT": {"TYPENAME": "T"}}, {"TUPLESTRUCT": ["U8", {"TYPENAME": "T"}]},
    {"STRUCT": [{"a": {"TUPLEARRAY": {"CONTENT": {"TUPLE": [{"TYPENAME": "T"}]}, "SIZE": 2}}}]},
]  # fmt: skip


def test_broken_schemas_are_refused() -> None:
    documents = BROKEN + [json.dumps({"type": form, "types": {}}).encode() for form in BROKEN_FORMATS]
    documents += [json.dumps({"type": "U8", "types": {"T": form}}).encode() for form in BROKEN_CONTAINERS]
    for document in documents:
        with pytest.raises(_schema.SchemaError):
            _schema.parse(document)
            pytest.fail(f"accepted: {document[:200]!r}")


def test_types_can_contain_themselves_only_if_values_are_finite() -> None:
    itself = {"TYPENAME": "T"}
    for content in (nested(1, itself), nested(1, itself, "SEQ"), {"MAP": {"KEY": "U8", "VALUE": itself}}):
        codec({"TYPENAME": "T"}, T={"NEWTYPESTRUCT": content})
    codec({"TYPENAME": "T"}, T={"ENUM": {"0": {"More": {"TUPLE": [{"TYPENAME": "T"}]}}, "1": {"End": "UNIT"}}})
    circle = {f"T{i}": {"NEWTYPESTRUCT": {"TYPENAME": f"T{(i + 1) % 20000}"}} for i in range(20000)}
    with pytest.raises(_schema.SchemaError, match="contains itself"):
        codec("U8", **circle)
    line = {**circle, "T19999": "UNITSTRUCT"}
    with pytest.raises(Misfit, match="deeper"):
        codec({"TYPENAME": "T0"}, **line).decode(b"")


def test_a_document_can_nest_at_most_127_levels_deep() -> None:
    # The document itself is the outermost level.
    assert _schema.parse(json.dumps({"type": nested(126, "U8"), "types": {}}).encode())
    with pytest.raises(_schema.SchemaError, match="deeper"):
        _schema.parse(json.dumps({"type": nested(127, "U8"), "types": {}}).encode())


def test_the_canonical_form_is_canonical() -> None:
    given = {
        "types": {
            "Unused": "UNITSTRUCT",
            "é": {"ENUM": {"10": {"B": "UNIT"}, "9": {"A": {"TUPLE": ["U8", "U8"]}}}},
            "Z": {"STRUCT": [{"TYPENAME": "U8"}, {"q\"\n\x01\x7f/": {"TYPENAME": "é"}}]},
        },
        "type": {"TUPLE": [{"TYPENAME": "Z"}, {"TUPLE": ["U8", "U8", "U8"]}, {"TUPLEARRAY": {"SIZE": 1, "CONTENT": "U8"}},
                           {"MAP": {"VALUE": "U8", "KEY": "U8"}}]},
    }  # fmt: skip
    canonical = (
        '{"type":{"TUPLE":[{"TYPENAME":"Z"},{"TUPLEARRAY":{"CONTENT":"U8","SIZE":3}},{"TUPLE":["U8"]},'
        '{"MAP":{"KEY":"U8","VALUE":"U8"}}]},"types":{"Z":{"STRUCT":[{"TYPENAME":"U8"},'
        '{"q\\"\\n\\u0001\x7f/":{"TYPENAME":"é"}}]},'
        '"é":{"ENUM":{"9":{"A":{"TUPLE":["U8","U8"]}},"10":{"B":"UNIT"}}}}}'
    )
    assert _schema.canonical(given).decode() == canonical
    assert _schema.canonical(json.loads(canonical)).decode() == canonical
    assert _schema.canonical({"shape": (2, 3), "dtype": "<f4"}) == b'{"dtype":"<f4","shape":[2,3]}'
    assert _schema.canonical({"version": 3, "name": "Reading"}) == b'{"name":"Reading","version":3}'
