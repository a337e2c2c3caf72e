#!/usr/bin/env bash
# Moved by one byte, the same two floats have another buffer format in NumPy: `=f` instead of `f`. On x86-64 both mean the same bytes, but
# `memoryview` can neither index nor list the first one, so code that works on a header of 8 bytes fails on one of 9.
# Met by: programs that slice arrays out of messages and hand them to the buffer protocol.
# Seen on: NumPy 2.4.6, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install numpy==2.4.6

seen=$("$work/venv/bin/python" - <<'PY'
import numpy
answers = []
for header in (8, 9):
    message = bytes(header) + numpy.float32([1.5, 2.5]).tobytes()
    view = memoryview(numpy.frombuffer(message, dtype="f4", offset=header))
    tries = []
    for action in (lambda: view[0], view.tolist):
        try:
            tries.append(repr(action()))
        except NotImplementedError as error:
            tries.append(type(error).__name__)
    answers.append(f"header of {header} bytes: {view.format} {' '.join(tries)}")
print("; ".join(answers))
PY
)
surprise="header of 8 bytes: f 1.5 [1.5, 2.5]; header of 9 bytes: =f NotImplementedError NotImplementedError"
echo "version:  NumPy 2.4.6, $(python3 --version)"
echo "expected: the same answers for both: f 1.5 [1.5, 2.5]"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
