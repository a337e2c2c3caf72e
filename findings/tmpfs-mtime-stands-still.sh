#!/usr/bin/env bash
# On tmpfs, only the first store through a shared mapping moves the file's modification time. Later stores never do,
# not even after msync and fsync, so `cp -u` (like rsync, make and tar) takes a file that changes all the time for unchanged.
# Met by: programs that back up, watch or copy files of shared memory by their time.
# Seen on: Linux 6.18, coreutils 9.1, Python 3.11.
set -euo pipefail
[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || { echo "skipped: /dev/shm is not a tmpfs"; exit 0; }
work=$(mktemp -d /dev/shm/finding.XXXXXX)
trap 'rm -rf "$work"' EXIT

seen=$(python3 - "$work" <<'PY'
import mmap, os, subprocess, sys, time
source, copy = sys.argv[1] + "/source", sys.argv[1] + "/copy"
with open(source, "w+b") as file:
    file.write(bytes(4096))
    file.flush()
    with mmap.mmap(file.fileno(), 4096) as view:
        moved = []
        for value in (1, 2, 3):
            before = os.stat(source).st_mtime_ns
            time.sleep(0.1)
            view[0] = value
            view.flush()
            os.fsync(file.fileno())
            moved.append("moved" if os.stat(source).st_mtime_ns != before else "stood still")
            if value == 1:
                subprocess.run(["cp", "-p", source, copy], check=True)
        subprocess.run(["cp", "-p", "-u", source, copy], check=True)
        copied = open(copy, "rb").read(1)[0]
print(", ".join(moved) + f"; the source holds 3, cp -u left {copied} in the copy")
PY
)
surprise="moved, stood still, stood still; the source holds 3, cp -u left 1 in the copy"
echo "version:  Linux $(uname -r), $(cp --version | sed -n 1p)"
echo "expected: moved, moved, moved; the source holds 3, cp -u left 3 in the copy"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
