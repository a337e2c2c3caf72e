#!/usr/bin/env bash
# `tobytes()` of a NumPy StringDType array contains the text of short strings and, for long ones, only an offset and a length:
# the text itself is missing. The call raises nothing, and whether it seems to work depends on the length of the text.
# Met by: programs that copy arrays into shared memory with tobytes(), whose tests use short strings.
# Seen on: NumPy 2.4.6, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install numpy==2.4.6

seen=$("$work/venv/bin/python" - <<'PY'
import numpy
answers = []
for text in ("station", "x" * 15, "x" * 16, "station on the northern ridge"):
    array = numpy.array([text], dtype=numpy.dtypes.StringDType())
    kept = "kept" if text.encode() in array.tobytes() else "lost"
    answers.append(f"{len(text)} letters {kept} in {array.nbytes} bytes")
print(", ".join(answers))
PY
)
surprise="7 letters kept in 16 bytes, 15 letters kept in 16 bytes, 16 letters lost in 16 bytes, 29 letters lost in 16 bytes"
echo "version:  NumPy 2.4.6, $(python3 --version)"
echo "expected: all kept, or an error as from memoryview() of the same array"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
