#!/usr/bin/env bash
# Closing a Python `mmap` object, or letting it be collected, frees the process's record lock (`fcntl.lockf`) on the file, although
# the descriptor that took the lock stays open: mmap keeps a duplicate of the descriptor, and closing any descriptor frees record locks.
# Met by: programs that lock a file, map it, and drop one of their mappings. (Python 3.13 has `trackfd=False` against it.)
# Seen on: Python 3.11.7, 3.12.1 and 3.13.0, Linux 6.18.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seen=$(python3 - "$work/file" <<'PY'
import fcntl, mmap, os, sys
path = sys.argv[1]

def another_process():
    child = os.fork()
    if child == 0:
        try:
            fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
            os._exit(1)
        except OSError:
            os._exit(0)
    return "gets the lock" if os.waitpid(child, 0)[1] else "is kept out"

file = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 4096)
fcntl.lockf(file, fcntl.LOCK_EX)
view = mmap.mmap(file, 4096)
mapped = another_process()
view.close()
print(f"another process {mapped} while mapped, and {another_process()} once the mapping is closed")
PY
)
surprise="another process is kept out while mapped, and gets the lock once the mapping is closed"
echo "version:  $(python3 --version)"
echo "expected: another process is kept out while mapped, and is kept out once the mapping is closed"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
