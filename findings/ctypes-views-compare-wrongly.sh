#!/usr/bin/env bash
# Two memoryviews of ctypes structures with the same bytes compare unequal: memoryview does not know the format, and says False.
# Up to Python 3.11 a packed structure is worse: its format is `B`, so only the first byte counts, and different ones compare equal.
# Met by: programs that compare a header in shared memory with the last one seen, to find out whether it has changed.
# Seen on: CPython 3.9.18, 3.10.13, 3.11.7 (both parts), 3.12.1 and 3.13.0 (first part).
set -euo pipefail
seen=$(python3 -W ignore - <<'PY'
import ctypes
members = [("kind", ctypes.c_uint8), ("length", ctypes.c_uint32)]

class Plain(ctypes.Structure):
    _fields_ = members

class Packed(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = members

def compare(left, right):
    return "equal" if memoryview(left) == memoryview(right) else "unequal"

print(f"plain with the same bytes {compare(Plain(1, 2), Plain(1, 2))}, "
      f"packed with the same bytes {compare(Packed(1, 2), Packed(1, 2))}, "
      f"packed with another length {compare(Packed(1, 2), Packed(1, 99))}")
PY
)
if python3 -c 'import sys; sys.exit(sys.version_info >= (3, 12))'; then packed=equal; else packed=unequal; fi
surprise="plain with the same bytes unequal, packed with the same bytes $packed, packed with another length $packed"
echo "version:  $(python3 --version)"
echo "expected: plain with the same bytes equal, packed with the same bytes equal, packed with another length unequal"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
