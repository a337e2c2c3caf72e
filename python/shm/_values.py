"""Converts Python values of each kind to payloads and back. FORMAT.md, sections 3 and 22 to 24."""

from __future__ import annotations

import array
import ctypes
import functools
import importlib
import json
from typing import Any, Protocol

from . import _format, _schema
from ._buffers import Payload, are_bools, dtype_title, elements, flat, is_plain, raw_bytes, remedy_for, typestr
from ._codec import Misfit, TypeCodec, is_of_numpy, show, type_name
from ._errors import BadOption, BadValue, Damaged, Error, UnknownFormat
from ._schema import ArraySchema, SchemaError


class Codec(Protocol):
    """Encodes and decodes the values of a region's kind and schema."""

    #: Whether `decode` needs a bytearray, because the value uses its memory and is writable.
    copies_are_mutable: bool

    def decode(self, payload: Any) -> Any:
        """Returns the value of a private copy of a payload. Raises BadValue."""

    def in_place(self, payload: memoryview) -> Any:
        """Returns a read-only value that uses the memory of a payload in the region. Raises BadValue."""

    def encode(self, value: Any) -> Payload:
        """Returns the payload of a value. Raises BadValue."""


def codec_for(kind: int, document: bytes | None, fingerprint: int) -> Codec:
    """Returns the codec for the values of a region.

    Raises UnknownFormat for an unknown kind, and Damaged for a schema that is invalid or belongs to another kind.
    """
    if kind not in _format.KINDS:
        raise UnknownFormat(f"its kind has number {kind}, which this package does not support")
    if document is not None and kind not in (_format.ARRAY, _format.BINCODE):
        raise Damaged(f"it has a schema, and values of kind {_format.KINDS[kind]!r} have none")
    if fingerprint != _format.fingerprint_of(document):
        raise Damaged("its fingerprint does not match its schema")
    try:
        schema = None if document is None else _schema.parse(document)
    except SchemaError as error:
        raise Damaged(f"its schema is not valid: {error}") from error
    if (kind == _format.ARRAY) != isinstance(schema, ArraySchema):
        raise Damaged(f"its schema does not describe values of kind {_format.KINDS[kind]!r}")
    if isinstance(schema, ArraySchema):
        return _Array(schema)
    if isinstance(schema, TypeCodec):
        return _Typed(schema)
    return {_format.TEXT: _Text, _format.JSON: _Json}.get(kind, _Bytes)()


class _Bytes:
    """Kind 1 (bytes), and kind 5 (bincode) if no schema describes the parts of the type."""

    copies_are_mutable = False
    decode = staticmethod(bytes)

    def in_place(self, payload: memoryview) -> Any:
        return payload

    def encode(self, value: Any) -> Payload:
        raw = raw_bytes(value)
        return flat(elements(value, "bytes", "give bytes, or an object with a buffer")) if raw is None else raw


class FirstArray(Exception):
    """An array for a writer that was given no kind. It carries the array's dtype, shape and payload."""

    def __init__(self, view: memoryview) -> None:
        self.dtype = dtype = typestr(view) or ""
        self.advice = f"convert the array with astype({'<' + dtype[1:]!r})" if dtype.startswith(">") else ""
        self.shape = view.shape
        self.payload = flat(view)
        if dtype == "|b1":
            _require_bools(self.payload)


def _require_bools(payload: Payload) -> None:
    """Raises BadValue if a byte is neither 0 nor 1."""
    if not are_bools(payload):
        raise BadValue("the value contains a bool that is neither 0 nor 1", "give 0 or 1 for each bool")


class Undecided(_Bytes):
    """Kind 1 (bytes), for a writer that was given no kind."""

    def encode(self, value: Any) -> Payload:
        """Raises FirstArray for arrays, whose dtype and shape would be lost in bytes."""
        raw = raw_bytes(value)
        if raw is not None:
            return raw
        view = elements(value, "bytes", "give bytes or an array, or open the writer with another kind")
        if hasattr(value, "dtype") or view.ndim != 1 or not _is_of_bytes(value, view):
            raise FirstArray(view)
        return flat(view)


def _is_of_bytes(value: Any, view: memoryview) -> bool:
    """Returns whether the elements of a buffer are plain bytes, and not numbers of one byte."""
    if typestr(view) == "|i1":  # the buffers of pyarrow, for example
        return not isinstance(value, (memoryview, array.array, ctypes.Array))
    return typestr(view) in ("|u1", None)  # None: characters


class _Text(_Bytes):
    def decode(self, payload: bytes) -> str:  # type: ignore[override]
        try:
            return payload.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadValue(f"its payload is not text: byte {error.start} is not UTF-8") from error

    def encode(self, value: Any) -> Payload:
        if not isinstance(value, str):
            raise BadValue(f"expected a str, got {type_name(value)}", "give a str")
        try:
            return str.encode(value, "utf-8")  # a subclass can have another `encode`
        except UnicodeEncodeError as error:
            fault = f"character {error.start} of the text cannot be encoded as UTF-8"
            raise BadValue(fault, "give text without lone surrogates") from error


class _Json(_Bytes):
    def decode(self, payload: bytes) -> Any:  # type: ignore[override]
        try:
            return _schema.portable_json(payload)
        except _schema.Ambiguous as error:
            raise BadValue(f"programs would read different values from its JSON: {error}") from error
        except RecursionError as error:
            if not _schema.nests_too_deep(payload):
                raise  # the caller's stack is too deep
            deepest = _schema.DEEPEST_VALUE
            fault = f"programs would read different values from its JSON: it nests deeper than {deepest} levels"
            raise BadValue(fault) from error
        except ValueError as error:
            raise BadValue(f"its payload is not JSON: {_schema.json_fault(error)}") from error

    def encode(self, value: Any) -> Payload:
        try:
            payload = json.dumps(
                value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_refuse_type
            ).encode("utf-8")
            _schema.portable_json(payload)
            return payload
        except _schema.Ambiguous as error:
            fault = f"programs would read different values from its JSON: {error}"
            raise BadValue(fault, "replace that part, for example by a str") from error
        except (TypeError, ValueError, RecursionError) as error:
            fault, advice = _json_fault(error)
            raise BadValue(f"JSON cannot represent the value: {fault}", advice) from error


class _Typed(_Bytes):
    def __init__(self, schema: TypeCodec) -> None:
        self._schema = schema

    def decode(self, payload: bytes) -> Any:  # type: ignore[override]
        try:
            return self._schema.decode(payload)
        except Misfit as misfit:
            raise BadValue(f"its payload does not fit the schema: {misfit}") from misfit

    def encode(self, value: Any) -> Payload:
        try:
            return self._schema.encode(value)
        except Misfit as misfit:
            advice = "give a value of the type in the writer's schema"
            raise BadValue(f"the value does not fit the schema: {misfit}", advice) from misfit


# The format characters of `memoryview` and `struct`. They have none for complex numbers, and `memoryview` has none for
# 2-byte floats.
_FORMATS: dict[str, Any] = {
    "|b1": "?", "|i1": "b", "<i2": "h", "<i4": "i", "<i8": "q", "|u1": "B", "<u2": "H", "<u4": "I", "<u8": "Q",
    "<f4": "f", "<f8": "d",
}  # fmt: skip


class _Array:
    """Kind 4 (array).

    Values are NumPy arrays if NumPy can be imported, and otherwise memoryviews. Elements that a memoryview does not
    support are returned as bytes.
    """

    copies_are_mutable = True

    def __init__(self, schema: ArraySchema) -> None:
        self._schema = schema
        self._numpy = _numpy()
        dtype = schema.dtype
        self._no_array = (f"an array of {dtype!r}", f"convert it with numpy.array(value, {dtype!r})")

    def decode(self, payload: bytearray) -> Any:
        value = self.in_place(memoryview(payload))
        return bytes(payload) if self._numpy is None and self._schema.dtype not in _FORMATS else value

    def in_place(self, payload: memoryview) -> Any:
        try:
            shape = self._schema.shape_of(len(payload))
        except Misfit as misfit:
            raise BadValue(f"its payload has a wrong length: {misfit.args[0]}") from misfit
        dtype = self._schema.dtype
        if dtype == "|b1" and not are_bools(payload):
            raise BadValue("its payload contains a bool that is neither 0 nor 1")
        if self._numpy is not None:
            return self._numpy.ndarray(shape, dtype, payload)
        if dtype not in _FORMATS:
            return payload
        # A memoryview cannot have a shape that contains a 0.
        return payload.cast(_FORMATS[dtype]) if 0 in shape else payload.cast(_FORMATS[dtype], shape)

    def encode(self, value: Any) -> Payload:
        raw = raw_bytes(value)
        payload = self._payload_of(value) if raw is None else raw
        if raw is not None:
            try:
                self._schema.shape_of(len(payload))
            except Misfit as misfit:
                raise BadValue(misfit.args[0], "give bytes of that length") from misfit
        if self._schema.dtype == "|b1":
            _require_bools(payload)
        return payload

    def _payload_of(self, value: Any) -> Payload:
        """Returns the payload of an array, which must have the dtype and shape of the region."""
        dtype = self._schema.dtype
        view = elements(value, *self._no_array)
        if typestr(view) != dtype:
            fault = f"expected elements of dtype {dtype!r}, got {typestr(view) or view.format!r}"
            raise BadValue(fault, f"convert the array with astype({dtype!r})")
        try:
            shape = self._schema.shape_of(view.nbytes)
        except Misfit as misfit:
            raise self._wrong_shape(view) from misfit
        if view.shape != shape:
            raise self._wrong_shape(view)
        return flat(view)

    def _wrong_shape(self, view: memoryview) -> BadValue:
        shape = str(self._schema.shape)
        if self._schema.is_open:
            shape = shape.replace("0", "any", 1)
        return BadValue(f"expected an array of shape {shape}, got {view.shape}", "reshape the array")


class _WrongType(TypeError):
    """A value that JSON cannot represent. The text describes it, and `advice` says what to give instead."""

    def __init__(self, value: Any) -> None:
        super().__init__(f"it contains a {type_name(value)}")
        self.advice = "give only dict, list, str, int, float, bool and None"
        if is_of_numpy(value, "generic"):
            self.advice = "convert it with its method item()"
        elif is_of_numpy(value, "ndarray"):
            self.advice = "convert it with its method tolist()"


def refused_value(error: Exception) -> Error:
    """Returns the error for a value whose own methods raised one."""
    if isinstance(error, MemoryError):
        return Error("there is not enough memory for a copy of the value", "free some")
    return BadValue(f"the value raised {show(error)}", "give a value of plain Python types")


def _refuse_type(value: Any) -> Any:
    raise _WrongType(value)


def _json_fault(error: Exception) -> tuple[str, str]:
    """Returns why `json` could not write a value, and what to do about it."""
    if isinstance(error, UnicodeEncodeError):
        return "a str in it cannot be encoded as UTF-8", "give text without lone surrogates"
    if isinstance(error, _WrongType):
        return str(error), error.advice
    if isinstance(error, TypeError):
        return "a dict in it has a key that is not a str", "give dicts whose keys are str"
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return "it contains itself, or nests too deep", "give a value that nests less deep"
    if "digits" in str(error):
        return "an integer in it has too many digits", "give smaller integers, or write them as str"
    return "a float in it is NaN or infinite", "replace it, for example by None"


@functools.cache
def _numpy() -> Any:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def dtype_name(dtype: Any) -> str:
    """Returns NumPy's `typestr` for anything that NumPy accepts as a dtype. Raises BadOption.

    Without NumPy, it accepts a `typestr`, with or without its first character ("<f4" or "f4").
    """
    numpy = _numpy()
    if numpy is None:
        return next((name for name in _schema.DTYPE_BYTES if dtype in (name, name[1:])), str(dtype))
    try:
        found = numpy.dtype(dtype)
    except Exception as error:
        raise BadOption(f"{show(dtype)} is not a dtype", "give a NumPy dtype or its name, such as '<f4'") from error
    if not is_plain(found):
        raise BadOption(f"dtype {dtype_title(found)!r} is not supported", remedy_for(found))
    return str(found.str)
