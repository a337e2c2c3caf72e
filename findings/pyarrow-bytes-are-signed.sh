#!/usr/bin/env bash
# The buffer of a pyarrow.Buffer has the format `b`, signed numbers, although the buffer's own items are unsigned. A memoryview
# of it therefore equals the bytes that it contains only as long as all of them are below 128, and NumPy makes an int8 array.
# Met by: programs that compare or hash Arrow messages through memoryview, or let NumPy detect the dtype.
# Seen on: pyarrow 26.0.1, NumPy 2.4.6, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install pyarrow==26.0.1 numpy==2.4.6

seen=$("$work/venv/bin/python" - <<'PY'
import numpy
import pyarrow
answers = []
for content in (b"abc", b"ab\xff"):
    buffer = pyarrow.py_buffer(content)
    view = memoryview(buffer)
    answers.append(f"{buffer == content} {view == content} {buffer[2]} {view[2]} {numpy.asarray(buffer).dtype}")
print(", ".join(answers))
PY
)
surprise="True True 99 99 int8, True False 255 -1 int8"
echo "version:  pyarrow 26.0.1, NumPy 2.4.6, $(python3 --version)"
echo "expected: True True 99 99 uint8, True True 255 255 uint8"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
