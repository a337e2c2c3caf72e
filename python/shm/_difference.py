"""Describes the first difference between the schema of a region and the schema that the caller asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from ._codec import show

_Form = Any  # the JSON of a format, container or variant, see FORMAT.md, section 22
_Path = tuple[Any, str] | None  # the path to the enclosing part, and one more step: long paths share their beginnings
_LONGEST_PATH = 200


def between(region: bytes | None, request: bytes) -> str:
    """Compares two valid documents. It does not recurse, because types can refer to each other in long chains."""
    if region is None:
        return "it has no schema to compare with the given one"
    found, expected = json.loads(region), json.loads(request)
    if set(found) != set(expected):
        return f"its schema describes {_sort(found)}, not {_sort(expected)}"
    if "types" in found:
        return _between_types(found, expected)
    members = [name for name in found if found[name] != expected[name]]
    return f"its {members[0]} is {show(found[members[0]])}, not {show(expected[members[0]])}" if members else _SPELLING


_SPELLING = "its schema describes the same type, but is not in canonical form"


def _sort(document: _Form) -> str:
    if "dtype" in document:
        return "an array"
    return "all parts of a type" if "types" in document else "only the name and version of a type"


def _between_types(found: _Form, expected: _Form) -> str:
    compared = set()
    pairs: list[tuple[_Path, _Form, _Form]] = [(None, found["type"], expected["type"])]
    while pairs:
        path, one, other = pairs.pop()
        if one is None:
            return f"it has no {_text(path)}, but the given schema has it"
        if other is None:
            return f"it has {_text(path)}, but the given schema does not"
        (sort, parts), (other_sort, other_parts) = _parts(one), _parts(other)
        if sort != other_sort:
            return f"{_text(path)} is {_title(one)}, not {_title(other)}"
        if sort.startswith("TYPENAME"):
            if sort not in compared:
                name = one["TYPENAME"]
                pairs.append((path, found["types"][name], expected["types"][name]))
            compared.add(sort)
            continue
        pairs += reversed(list(_pairs(path, parts, other_parts)))
    return _SPELLING


def _pairs(path: _Path, parts: dict[str, _Form], others: dict[str, _Form]) -> Iterator[tuple[_Path, _Form, _Form]]:
    """Pairs the parts of two forms of the same sort, in order. None replaces a part that one of them lacks."""
    for step, other_step in zip_longest(parts, others):
        if step is None:
            yield (path, other_step), None, others[other_step]
        else:
            yield (path, step), parts[step], others[step] if step == other_step else None


def _parts(form: _Form) -> tuple[str, dict[str, _Form]]:
    """Returns the sort of a form, and its parts by the step of the path that leads to each."""
    if isinstance(form, str):
        return form, {}
    ((what, content),) = form.items()
    if what == "TYPENAME":
        return f"TYPENAME {content}", {}
    if what == "TUPLEARRAY":
        return f"TUPLEARRAY {content['SIZE']}", {"[]": content["CONTENT"]}
    if what == "MAP":
        return what, {".key": content["KEY"], ".value": content["VALUE"]}
    if what in ("TUPLE", "TUPLESTRUCT"):
        return what, {f"[{index}]": part for index, part in enumerate(content)}
    if what == "STRUCT":
        return what, {f".{name}": part for field in content for name, part in field.items()}
    if what == "ENUM":
        return what, {f".{index}.{name}": part for index, named in content.items() for name, part in named.items()}
    return what, {"[]" if what == "SEQ" else "": content}  # OPTION, SEQ, NEWTYPESTRUCT, NEWTYPE


def _title(form: _Form) -> str:
    return show(form.get("TYPENAME", form)) if isinstance(form, dict) else form


def _text(path: _Path) -> str:
    steps = []
    while path is not None:
        path, step = path
        steps.append(step)
    text = "value" + "".join(reversed(steps))
    return text if len(text) <= _LONGEST_PATH else text[: _LONGEST_PATH - 3] + "..."
