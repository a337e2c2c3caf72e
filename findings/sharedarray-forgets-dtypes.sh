#!/usr/bin/env bash
# SharedArray.create silently changes the dtype it is asked for: a big-endian array becomes little-endian, a structure loses its
# fields and becomes raw bytes, and a time loses its unit. The array it returns has the right size and shape, so nothing fails.
# Met by: programs that move from numpy.zeros to SharedArray with such a dtype.
# Seen on: SharedArray 3.2.4 (built from source, needs a C compiler), NumPy 2.4.6, CPython 3.11.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" -q --disable-pip-version-check install numpy==2.4.6 SharedArray==3.2.4

seen=$("$work/venv/bin/python" - "$work" <<'PY'
import SharedArray, sys
answers = []
for number, dtype in enumerate((">i4", "M8[s]", [("a", "i1"), ("b", "f8")])):
    array = SharedArray.create(f"file://{sys.argv[1]}/array{number}", 2, dtype=dtype)
    answers.append(f"{dtype} becomes {array.dtype.str}")
print("; ".join(answers))
PY
)
surprise=">i4 becomes <i4; M8[s] becomes <M8; [('a', 'i1'), ('b', 'f8')] becomes |V9"
echo "version:  SharedArray 3.2.4, NumPy 2.4.6, $(python3 --version)"
echo "expected: each dtype as asked for, or an error"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
