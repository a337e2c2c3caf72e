#!/usr/bin/env bash
# A Python process that only attaches to a segment with `multiprocessing.shared_memory.SharedMemory(name)` removes its name
# when it ends, although it called close() and never unlink(). The owner goes on, and nobody can attach any more.
# Met by: a Python tool that looks into a segment of any other program, also one that is not Python.
# Seen on: CPython 3.11.7, 3.12.1 and 3.13.0 (which has `track=False` against it).
set -euo pipefail
name=finding-$$-$RANDOM
trap 'rm -f "/dev/shm/$name"' EXIT
head -c 4096 /dev/zero > "/dev/shm/$name"

python3 - "$name" 2>/dev/null <<'PY'
import sys
from multiprocessing.shared_memory import SharedMemory
segment = SharedMemory(sys.argv[1])
assert segment.buf[0] == 0
segment.close()
PY
# The process that removes it is a helper of Python's, which ends a moment later.
for _ in $(seq 50); do [ -e "/dev/shm/$name" ] || break; sleep 0.1; done
seen="the segment is $([ -e "/dev/shm/$name" ] && echo there || echo gone)"
surprise="the segment is gone"
echo "version:  $(python3 --version)"
echo "expected: the segment is there"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
