#!/usr/bin/env bash
# `multiprocessing.shared_memory.ShareableList` returns other values than it was given, without an error: it reserves room for a
# text by its characters and stores its UTF-8 bytes, so text in another script is cut; and it strips zero bytes from the end of values.
# Met by: programs that share short texts or binary keys; a cut inside a character is a UnicodeDecodeError, but only in the reader.
# Seen on: CPython 3.9.18, 3.11.7, 3.12.1 and 3.13.0.
set -euo pipefail
seen=$(python3 - <<'PY'
from multiprocessing.shared_memory import ShareableList

def through(value):
    shared = ShareableList([value])
    try:
        return repr(shared[0])
    except UnicodeDecodeError:
        return "UnicodeDecodeError"
    finally:
        shared.shm.close()
        shared.shm.unlink()

print(", ".join(through(v) for v in ("äöüäöü", b"key\0\0", "日本語日本語")))
PY
)
surprise="'äöüä', b'key', UnicodeDecodeError"
echo "version:  $(python3 --version)"
echo "expected: 'äöüäöü', b'key\\x00\\x00', '日本語日本語'"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
