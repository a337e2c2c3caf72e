"""Python values to payloads and back, for each kind. FORMAT.md, section 3, and 22 to 24."""

from __future__ import annotations

import functools
import importlib
import json
from typing import Any, Protocol

from . import _format, _schema
from ._codec import Misfit, TypeCodec
from ._errors import BadValue, Damaged, UnknownFormat
from ._schema import ArraySchema, SchemaError

Payload = bytes | bytearray | memoryview


class Codec(Protocol):
    """What a kind, with its schema, makes of payloads."""

    #: Whether `decode` wants a bytearray, because the value keeps it and may be changed.
    copies_are_mutable: bool

    def decode(self, payload: Any) -> Any:
        """The value of a private copy of a payload. Raises BadValue."""

    def in_place(self, payload: memoryview) -> Any:
        """The same for a payload in the region: no copy, and nothing that can be changed. Raises BadValue."""

    def encode(self, value: Any) -> Payload:
        """Raises BadValue."""


def codec_for(kind: int, document: bytes | None, fingerprint: int) -> Codec:
    """Errors: UnknownFormat, and Damaged for a schema that is none."""
    if kind not in _format.KINDS:
        raise UnknownFormat(f"it is of kind {kind}, which this package does not know; use a newer version of it")
    if kind not in (_format.ARRAY, _format.BINCODE):
        document = None
    if fingerprint != _format.fingerprint_of(document):
        raise Damaged("its fingerprint is not that of its schema")
    try:
        schema = None if document is None else _schema.parse(document)
    except SchemaError as error:
        raise Damaged(f"its schema is not valid: {error}") from error
    if (kind == _format.ARRAY) != isinstance(schema, ArraySchema):
        raise Damaged("its schema is not one for its kind")
    if isinstance(schema, ArraySchema):
        return _Array(schema)
    if isinstance(schema, TypeCodec):
        return _Typed(schema)
    return {_format.TEXT: _Text, _format.JSON: _Json}.get(kind, _Bytes)()


class _Bytes:
    """Kind 1, and kind 5 without a type that is known in its parts."""

    copies_are_mutable = False
    decode = staticmethod(bytes)

    def in_place(self, payload: memoryview) -> Any:
        return payload

    def encode(self, value: Any) -> Payload:
        if isinstance(value, (bytes, bytearray)):
            return value
        try:
            view = memoryview(value)
        except TypeError as error:
            raise BadValue(f"expected bytes, got {type(value).__name__}") from error
        return _flat(view)


class _Text(_Bytes):
    def decode(self, payload: bytes) -> str:  # type: ignore[override]
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadValue(f"it is not UTF-8 from byte {error.start} on") from error

    def encode(self, value: Any) -> Payload:
        if not isinstance(value, str):
            raise BadValue(f"expected a str, got {type(value).__name__}")
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadValue(f"character {error.start} of the text has no UTF-8 form") from error


class _Json(_Bytes):
    def decode(self, payload: bytes) -> Any:  # type: ignore[override]
        try:
            return _schema.strict_json(payload)
        except (ValueError, RecursionError) as error:
            raise BadValue(f"it is not JSON: {_schema.json_fault(error)}") from error

    def encode(self, value: Any) -> Payload:
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
        except (TypeError, ValueError, RecursionError) as error:
            raise BadValue(f"JSON cannot express it: {_json_fault(error, value)}") from error


class _Typed(_Bytes):
    def __init__(self, schema: TypeCodec) -> None:
        self._schema = schema

    def decode(self, payload: bytes) -> Any:  # type: ignore[override]
        try:
            return self._schema.decode(payload)
        except Misfit as misfit:
            raise BadValue(f"it does not fit the schema: {misfit}") from misfit

    def encode(self, value: Any) -> Payload:
        try:
            return self._schema.encode(value)
        except Misfit as misfit:
            raise BadValue(f"it does not fit the schema: {misfit}") from misfit


# What struct and memoryview call the elements; they know no complex numbers, and memoryview no 2-byte floats.
_FORMATS: dict[str, Any] = {
    "|b1": "?", "|i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "|u1": "B", "<u2": "H", "<u4": "I", "<u8": "Q",
    "<f4": "f", "<f8": "d",
}  # fmt: skip
_FAMILIES = {"?": "b", "b": "i", "h": "i", "i": "i", "l": "i", "q": "i", "B": "u", "H": "u", "I": "u", "L": "u",
             "Q": "u", "e": "f", "f": "f", "d": "f", "Zf": "c", "Zd": "c"}  # fmt: skip


class _Array:
    """Kind 4: NumPy arrays if NumPy can be imported, else memoryviews; bytes of elements that those do not know."""

    copies_are_mutable = True

    def __init__(self, schema: ArraySchema) -> None:
        self._schema = schema
        self._numpy = _numpy()

    def decode(self, payload: bytearray) -> Any:
        value = self.in_place(memoryview(payload))
        return bytes(payload) if self._numpy is None and self._schema.dtype not in _FORMATS else value

    def in_place(self, payload: memoryview) -> Any:
        try:
            shape = self._schema.shape_of(len(payload))
        except Misfit as misfit:
            raise BadValue(f"it does not fit the schema: {misfit}") from misfit
        dtype = self._schema.dtype
        if dtype == "|b1" and payload.tobytes().translate(None, b"\0\1"):
            raise BadValue("it does not fit the schema: a boolean is neither 0 nor 1")
        if self._numpy is not None:
            return self._numpy.ndarray(shape, dtype, payload)
        if dtype not in _FORMATS:
            return payload
        # memoryview knows no shape with a 0 in it.
        return payload.cast(_FORMATS[dtype]) if 0 in shape else payload.cast(_FORMATS[dtype], shape)

    def encode(self, value: Any) -> Payload:
        try:
            view = memoryview(value)
        except (TypeError, ValueError) as error:
            raise BadValue(f"expected an array of {self._schema.dtype}, got {type(value).__name__}") from error
        flat_bytes = view.ndim == 1 and view.format == "B"
        dtype = _dtype_of(view)
        if dtype != self._schema.dtype and not flat_bytes:
            raise BadValue(f"expected elements {self._schema.dtype}, got {dtype}: convert it with astype")
        try:
            shape = self._schema.shape_of(view.nbytes)
        except Misfit as misfit:
            raise BadValue(f"it does not fit the schema: {misfit}") from misfit
        if view.shape != shape and not flat_bytes:
            raise BadValue(f"expected the shape {shape}, got {view.shape}")
        payload = _flat(view)
        if flat_bytes and self._schema.dtype == "|b1" and bytes(payload).translate(None, b"\0\1"):
            raise BadValue("a boolean is neither 0 nor 1")
        return payload


def _json_fault(error: Exception, value: Any) -> str:
    """Why `json` could not write a value."""
    if isinstance(error, UnicodeEncodeError):
        return "a text in it has no UTF-8 form"
    if isinstance(error, TypeError):
        return f"a {type(value).__name__}, or something in it, is not a dict, list, str, number, bool or None"
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return "it is nested too deeply, or contains itself"
    return "a number in it is not finite"


def _dtype_of(view: memoryview) -> str:
    """NumPy's `typestr` of a buffer's elements; what the buffer says, where that is none of ours."""
    family = _FAMILIES.get(view.format.lstrip("@<"))
    if family is None:
        return view.format
    return f"{'|' if view.itemsize == 1 else '<'}{family}{view.itemsize}"


def _flat(view: memoryview) -> Payload:
    """The bytes of a buffer in C order, without a copy where that is possible."""
    if view.c_contiguous and view.nbytes and view.format in _FAMILIES and view.format[0] != "Z":
        return view.cast("B")
    return view.tobytes()


@functools.cache
def _numpy() -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def dtype_name(dtype: Any) -> str:
    """NumPy's `typestr` of what NumPy takes for a dtype. Raises ValueError.

    Without NumPy, that is a `typestr` itself, or one without its first character ("f4").
    """
    numpy = _numpy()
    if numpy is None:
        return next((name for name in _schema.DTYPE_BYTES if dtype in (name, name[1:])), str(dtype))
    try:
        return str(numpy.dtype(dtype).str)
    except TypeError as error:
        raise ValueError(f"{dtype!r} is not a dtype") from error
