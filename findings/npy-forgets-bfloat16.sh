#!/usr/bin/env bash
# `dtype.str`, by which the .npy format and many protocols name an array's type, is `<V2` for bfloat16 of ml_dtypes, and `<V1` for
# several of its types alike. numpy.save writes such an array without complaint, and numpy.load returns raw bytes without numbers.
# float8_e5m2 is worse: it claims to be `<f1`, and numpy.load refuses the file that numpy.save has just written.
# Met by: programs that pass arrays of JAX or TensorFlow by (dtype.str, shape, bytes).
# Seen on: NumPy 2.4.6, ml_dtypes 0.6.0, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install numpy==2.4.6 ml_dtypes==0.6.0

seen=$("$work/venv/bin/python" -W ignore - <<'PY'
import io, ml_dtypes, numpy

def through(dtype):
    file = io.BytesIO()
    numpy.save(file, numpy.ones(2, dtype))
    file.seek(0)
    try:
        return f"{numpy.dtype(dtype).str} comes back as {numpy.load(file).dtype.str}"
    except Exception as error:
        return f"{numpy.dtype(dtype).str} comes back as {type(error).__name__}"

names = "bfloat16", "float8_e4m3fn", "int4", "float8_e5m2"
print("; ".join(f"{name} {through(getattr(ml_dtypes, name))}" for name in names))
PY
)
surprise="bfloat16 <V2 comes back as |V2; float8_e4m3fn <V1 comes back as |V1; int4 <V1 comes back as |V1; float8_e5m2 <f1 comes back as ValueError"
echo "version:  NumPy 2.4.6, ml_dtypes 0.6.0, $(python3 --version)"
echo "expected: each type comes back as itself, or numpy.save refuses it"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
