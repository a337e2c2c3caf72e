"""Encoding and decoding typed values, without regions."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import pytest
from shm import _format, _schema
from shm._codec import Misfit, TypeCodec

# The example of FORMAT.md, sections 22 and 23.
READING = (
    b'{"type":{"TYPENAME":"Reading"},"types":{"Position":{"TUPLESTRUCT":["F64","F64"]},"Reading":{"STRUCT":[{"room":"ST'
    b'R"},{"celsius":"F64"},{"position":{"OPTION":{"TYPENAME":"Position"}}},{"state":{"TYPENAME":"State"}}]},"State":{"'
    b'ENUM":{"0":{"Ok":"UNIT"},"1":{"Failed":{"NEWTYPE":"U8"}},"2":{"Moved":{"STRUCT":[{"by":"F32"}]}}}}}}'
)
KITCHEN = {"room": "kitchen", "celsius": 21.5, "position": [1.0, -2.0], "state": {"Failed": 7}}
KITCHEN_BYTES = bytes.fromhex(
    "07 00 00 00 00 00 00 00 6b 69 74 63 68 65 6e 00 00 00 00 00 80 35 40 01"
    "00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 c0 01 00 00 00 07"
)


def codec(form: Any, **types: Any) -> TypeCodec:
    """Returns the codec of a format and of the containers that it refers to."""
    parsed = _schema.parse(json.dumps({"type": form, "types": types}).encode())
    assert isinstance(parsed, TypeCodec)
    return parsed


def nested(depth: int, inner: Any, what: str = "OPTION") -> Any:
    for _ in range(depth):
        inner = {what: inner}
    return inner


def test_the_example_in_the_document_is_encoded_and_decoded() -> None:
    schema = _schema.parse(READING)
    assert isinstance(schema, TypeCodec)
    assert schema.encode(KITCHEN) == KITCHEN_BYTES
    assert schema.decode(KITCHEN_BYTES) == KITCHEN
    assert list(schema.decode(KITCHEN_BYTES)) == ["room", "celsius", "position", "state"]
    assert _format.fingerprint_of(READING) == 0x960050B7528E8666
    assert _schema.canonical(json.loads(READING)) == READING


GOLDEN = [
    ("UNIT", None, ""),
    ("BOOL", True, "01"),
    ("I8", -2, "fe"),
    ("I16", -2, "feff"),
    ("U32", 0x01020304, "04030201"),
    ("I64", -(1 << 63), "0000000000000080"),
    ("U64", (1 << 64) - 1, "ffffffffffffffff"),
    ("I128", -(1 << 127), "00" * 15 + "80"),
    ("U128", (1 << 128) - 1, "ff" * 16),
    ("F32", 1.5, "0000c03f"),
    ("F64", -0.0, "0000000000000080"),
    ("F64", math.inf, "000000000000f07f"),
    ("CHAR", "a", "61"),
    ("CHAR", "€", "e282ac"),
    ("CHAR", "🦀", "f09fa680"),
    ("STR", "ä", "0200000000000000c3a4"),
    ("BYTES", b"\0\xff", "020000000000000000ff"),
    ({"OPTION": "U8"}, None, "00"),
    ({"OPTION": "U8"}, 5, "0105"),
    ({"SEQ": "U16"}, [1, 2], "020000000000000001000200"),
    ({"TUPLE": ["U8", "BOOL"]}, [7, False], "0700"),
    ({"TUPLE": []}, [], ""),
    ({"TUPLEARRAY": {"CONTENT": "U8", "SIZE": 3}}, [1, 2, 3], "010203"),
    ({"MAP": {"KEY": "STR", "VALUE": "U8"}}, {"b": 1, "a": 2}, "0200000000000000" "0100000000000000" "6201" "0100000000000000" "6102"),
    ({"MAP": {"KEY": "U8", "VALUE": "UNIT"}}, {9: None}, "010000000000000009"),
    ({"MAP": {"KEY": "BOOL", "VALUE": "U8"}}, {True: 3}, "01000000000000000103"),
    ({"MAP": {"KEY": "F32", "VALUE": "U8"}}, [[1.5, 2]], "0100000000000000" "0000c03f" "02"),
]  # fmt: skip


@pytest.mark.parametrize("form, value, encoded", GOLDEN)
def test_each_format_is_encoded_as_the_document_says(form: Any, value: Any, encoded: str) -> None:
    assert codec(form).encode(value).hex() == encoded
    decoded = codec(form).decode(bytes.fromhex(encoded))
    assert decoded == value and repr(decoded) == repr(value)


def test_each_container_is_encoded_as_the_document_says() -> None:
    types = {
        "Nothing": "UNITSTRUCT",
        "Meters": {"NEWTYPESTRUCT": "U8"},
        "Color": {"ENUM": {"1": {"Red": "UNIT"}, "0": {"Green": "UNIT"}}},
        "Shade": {"NEWTYPESTRUCT": {"TYPENAME": "Color"}},
        "Shape": {"ENUM": {"7": {"Dot": "UNIT"}, "8": {"Line": {"TUPLE": ["U8", "U8"]}}, "9": {"One": {"TUPLE": ["U8"]}},
                           "4294967295": {"Maybe": {"NEWTYPE": {"OPTION": "U8"}}}}},
    }  # fmt: skip
    for name, value, encoded in [
        ("Nothing", None, ""),
        ("Meters", 3, "03"),
        ("Color", "Red", "01000000"),
        ("Shape", "Dot", "07000000"),
        ("Shape", {"Line": [1, 2]}, "080000000102"),
        ("Shape", {"One": [1]}, "0900000001"),
        ("Shape", {"Maybe": None}, "ffffffff00"),
    ]:
        assert codec({"TYPENAME": name}, **types).encode(value).hex() == encoded
        assert codec({"TYPENAME": name}, **types).decode(bytes.fromhex(encoded)) == value
    by_shade = codec({"MAP": {"KEY": {"TYPENAME": "Shade"}, "VALUE": "U8"}}, **types)
    assert by_shade.decode(by_shade.encode({"Red": 1, "Green": 2})) == {"Red": 1, "Green": 2}


def test_numbers_are_rounded_to_the_precision_of_floats() -> None:
    assert codec("F32").encode(1 + 2**-40).hex() == "0000803f"
    assert codec("F32").encode(1e-300).hex() == "00000000"
    assert codec("F32").encode(-math.inf).hex() == "000080ff"
    assert codec("F64").decode(codec("F64").encode(3)) == 3.0
    assert math.isnan(codec("F32").decode(codec("F32").encode(math.nan)))


@pytest.mark.parametrize(
    "form, value, complaint",
    [
        ("U8", 256, "expected U8, got int 256"),
        ("U8", -1, "expected U8"),
        ("U8", True, "expected U8, got bool True"),
        ("U8", "1", "expected U8, got str '1'"),
        ("U8", 1.0, "expected U8, got float 1.0"),
        ("BOOL", 1, "expected a bool"),
        ("F64", "1", "expected F64"),
        ("F64", True, "expected F64"),
        ("F32", 1e300, "expected F32, got float 1e+300"),
        ("F64", 10**400, "expected F64"),
        ("CHAR", "ab", "expected one character"),
        ("CHAR", "\ud800", "surrogates"),
        ("STR", "\ud800", "surrogates"),
        ("STR", b"x", "expected a str"),
        ("BYTES", "x", "expected bytes"),
        ("UNIT", 0, "expected None"),
        ({"SEQ": "U8"}, b"ab", "expected a list"),
        ({"SEQ": {"TUPLE": ["U8", "STR"]}}, [[1, "a"], [2, 3]], "value[1][1]: expected a str, got int 3"),
        ({"TUPLE": ["U8"]}, [1, 2], "expected 1 values, got 2"),
        ({"MAP": {"KEY": "STR", "VALUE": "U8"}}, {"a": "b"}, "value['a']: expected U8"),
        ({"MAP": {"KEY": "STR", "VALUE": "U8"}}, [["a", 1]], "expected a dict"),
        ({"MAP": {"KEY": "F32", "VALUE": "U8"}}, [[1.0]], "expected a pair of key and value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_path(form: Any, value: Any, complaint: str) -> None:
    with pytest.raises(Misfit) as caught:
        codec(form).encode(value)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "change, complaint",
    [
        ({"position": [1.0, "x"]}, "value.position[1]: expected F64, got str 'x'"),
        ({"state": {"Moved": {"by": None}}}, "value.state.Moved.by: expected F32, got NoneType None"),
        ({"state": "Failed"}, "value.state: expected one of"),
        ({"state": {"Ok": None}}, "value.state: expected one of"),
        ({"state": {"ok": None}}, "value.state: expected one of"),
        ({"state": 3}, "value.state: expected one of"),
        ({"size": 1}, "unknown ['size']"),
    ],
)
def test_a_struct_that_does_not_fit_is_refused_with_the_path(change: dict[str, Any], complaint: str) -> None:
    schema = _schema.parse(READING)
    assert isinstance(schema, TypeCodec)
    with pytest.raises(Misfit) as caught:
        schema.encode({**KITCHEN, **change})
    assert complaint in str(caught.value)
    with pytest.raises(Misfit, match="missing \\['celsius', 'position', 'state'\\]"):
        schema.encode({"room": "x"})


@pytest.mark.parametrize(
    "form, payload",
    [
        ("U8", ""),
        ("U8", "0000"),
        ("BOOL", "02"),
        ({"OPTION": "U8"}, "0200"),
        ("CHAR", "80"),
        ("CHAR", "c3"),
        ("CHAR", "eda080"),  # a lone surrogate
        ("CHAR", "ff808080"),
        ("STR", "0100000000000000ff"),
        ("STR", "ffffffffffffffff61"),
        ("BYTES", "02000000000000006100"[:-2]),
        ({"SEQ": "UNIT"}, "ffffffffffffffff"),
        ({"SEQ": "UNIT"}, "00000001" + "00" * 4),
        ({"SEQ": "U8"}, "0200000000000000" + "01"),
        ({"MAP": {"KEY": "UNIT", "VALUE": "UNIT"}}, "ffffffffffffffff"),
        ({"MAP": {"KEY": "U8", "VALUE": "U8"}}, "0200000000000000" + "0102" + "0103"),
        ({"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 1 << 63}}, ""),
        ({"TUPLEARRAY": {"CONTENT": {"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 4000}}, "SIZE": 4000}}, ""),
        (nested(70, "UNIT", "SEQ"), "0100000000000000" * 70 + "00"),
    ],
)
def test_an_invalid_payload_is_refused(form: Any, payload: str) -> None:
    with pytest.raises(Misfit):
        codec(form).decode(bytes.fromhex(payload))


def test_depth_and_number_of_parts_are_limited() -> None:
    tree = codec({"TYPENAME": "T"}, T={"STRUCT": [{"next": {"OPTION": {"TYPENAME": "T"}}}]})

    def chain(length: int) -> Any:
        value = {"next": None}
        for _ in range(length - 1):
            value = {"next": value}
        return value

    # Each link consists of two formats: T and the OPTION in it.
    assert tree.decode(b"\1" * 63 + b"\0") == chain(64)
    assert tree.encode(chain(64)) == b"\1" * 63 + b"\0"
    for refuse in (lambda: tree.decode(b"\1" * 64 + b"\0"), lambda: tree.encode(chain(65))):
        with pytest.raises(Misfit, match="deeper"):
            refuse()
    units = codec({"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 4095}})
    assert units.decode(b"") == [None] * 4095
    assert units.encode([None] * 4095) == b""
    units = codec({"TUPLEARRAY": {"CONTENT": "UNIT", "SIZE": 4096}})
    for refuse in (lambda: units.decode(b""), lambda: units.encode([None] * 4096)):
        with pytest.raises(Misfit):
            refuse()


def test_a_type_that_doubles_with_each_level_is_refused_quickly() -> None:
    types = {f"T{i}": {"TUPLESTRUCT": [{"TYPENAME": f"T{i + 1}"}] * 2} for i in range(100)}
    doubling = codec({"TYPENAME": "T0"}, **types, T100="UNITSTRUCT")
    with pytest.raises(Misfit):
        doubling.decode(b"")


# Random types, and random values of them

SIMPLE: dict[str, Any] = {
    "UNIT": lambda chance: None,
    "BOOL": lambda chance: chance.random() < 0.5,
    "CHAR": lambda chance: chance.choice("aé€🦀\0"),
    "STR": lambda chance: "".join(chance.choices("aé€🦀\0", k=chance.randrange(5))),
    "BYTES": lambda chance: chance.randbytes(chance.randrange(5)),
    "F32": lambda chance: struct.unpack("<f", struct.pack("<f", chance.uniform(-1e9, 1e9)))[0],
    "F64": lambda chance: chance.choice([chance.uniform(-1e9, 1e9), math.inf, -math.inf, 5e-324]),
}
for bits in (8, 16, 32, 64, 128):
    SIMPLE[f"U{bits}"] = lambda chance, bits=bits: chance.choice([0, (1 << bits) - 1, chance.getrandbits(bits)])
    SIMPLE[f"I{bits}"] = lambda chance, bits=bits: chance.getrandbits(bits) - (1 << bits - 1)


class Anything:
    """Creates random formats, and for each of them a function that creates random values."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.types: dict[str, Any] = {}
        self.count = 0

    def format(self, depth: int) -> tuple[Any, Any]:
        chance = self.chance
        kind = chance.choice(["simple"] * 3 + ["option", "seq", "map", "pairs", "tuple", "array", "struct", "enum", "new"])
        if kind == "simple" or depth == 0:
            name = chance.choice(list(SIMPLE))
            return name, lambda: SIMPLE[name](chance)
        if kind == "option":
            # The content must not be None itself, because it would look like an absent value.
            form, make = "U16", lambda: SIMPLE["U16"](chance)
            return {"OPTION": form}, lambda: make() if chance.random() < 0.5 else None
        if kind == "seq":
            form, make = self.format(depth - 1)
            return {"SEQ": form}, lambda: [make() for _ in range(chance.randrange(4))]
        if kind == "map":
            key = chance.choice(["STR", "CHAR", "BOOL", "I128", "U8"])
            form, make = self.format(depth - 1)
            entries = {"KEY": key, "VALUE": form}
            return {"MAP": entries}, lambda: {SIMPLE[key](chance): make() for _ in range(chance.randrange(4))}
        if kind == "pairs":
            form, make = self.format(depth - 1)
            return {"MAP": {"KEY": "F64", "VALUE": form}}, lambda: [[SIMPLE["F64"](chance), make()]]
        if kind == "array":
            form, make = self.format(depth - 1)
            size = chance.randrange(4)
            return {"TUPLEARRAY": {"CONTENT": form, "SIZE": size}}, lambda: [make() for _ in range(size)]
        parts = [self.format(depth - 1) for _ in range(chance.randrange(4))]
        names = [f"f{i}" for i in range(len(parts))]
        self.count += 1
        name = f"T{self.count}"
        if kind == "tuple":
            return {"TUPLE": [form for form, _ in parts]}, lambda: [make() for _, make in parts]
        if kind == "struct":
            self.types[name] = {"STRUCT": [{n: form} for n, (form, _) in zip(names, parts)]}
            return {"TYPENAME": name}, lambda: {n: make() for n, (_, make) in zip(names, parts)}
        if kind == "new" or not parts:
            form, make = self.format(depth - 1)
            self.types[name] = {"NEWTYPESTRUCT": form}
            return {"TYPENAME": name}, make
        variants = {str(i): {f"V{i}": {"NEWTYPE": form}} for i, (form, _) in enumerate(parts)}
        self.types[name] = {"ENUM": {**variants, "77": {"Plain": "UNIT"}}}

        def variant() -> Any:
            index = chance.randrange(len(parts) + 1)
            return "Plain" if index == len(parts) else {f"V{index}": parts[index][1]()}

        return {"TYPENAME": name}, variant


@pytest.mark.parametrize("seed", range(8))
def test_random_values_of_random_types_are_the_same_after_encoding_and_decoding(seed: int) -> None:
    for number in range(40):
        anything = Anything(1000 * seed + number)
        form, make = anything.format(4)
        document = _schema.canonical({"type": form, "types": anything.types})
        assert _schema.canonical(json.loads(document)) == document
        schema = _schema.parse(document)
        assert isinstance(schema, TypeCodec)
        for _ in range(5):
            value = make()
            payload = bytes(schema.encode(value))
            assert schema.decode(payload) == value
            mutate_and_decode(schema, payload, anything.chance)


def mutate_and_decode(schema: TypeCodec, payload: bytes, chance: random.Random) -> None:
    for _ in range(10):
        broken = bytearray(payload + chance.randbytes(chance.randrange(3)))
        for _ in range(chance.randint(1, 3)):
            if broken:
                broken[chance.randrange(len(broken))] = chance.choice([0, 1, 2, 255, chance.randrange(256)])
        del broken[chance.randint(0, len(broken)) if chance.random() < 0.3 else len(broken) :]
        try:
            value = schema.decode(broken)
        except Misfit:
            continue
        assert schema.decode(schema.encode(value)) == value or "nan" in repr(value)


def test_mutated_schemas_are_refused_or_accepted() -> None:
    chance = random.Random(3)
    for _ in range(3000):
        document = bytearray(READING)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(document))
            document[at : at + chance.randrange(3)] = chance.choice([b"", b'"', b"{", b"}", b"[", b"0", b"U8", b"\xff"])
        try:
            schema = _schema.parse(bytes(document))
        except _schema.SchemaError:
            continue
        if isinstance(schema, TypeCodec):
            try:
                schema.decode(KITCHEN_BYTES)
            except Misfit:
                pass
