#!/usr/bin/env bash
# A reader that maps a sparse tmpfs file read-only makes the file grow: each page of a hole that it looks at is allocated.
# read(2) of the same hole allocates nothing, and on ext4 neither way does.
# Met by: programs that inspect large, mostly empty files in /dev/shm; a reader with no write permission can fill the tmpfs.
# Seen on: Linux 6.18, Python 3.11.
set -euo pipefail
[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || { echo "skipped: /dev/shm is not a tmpfs"; exit 0; }
work=$(mktemp -d /dev/shm/finding.XXXXXX)
trap 'rm -rf "$work"' EXIT

seen=$(python3 - "$work/sparse" <<'PY'
import mmap, os, sys
path, size = sys.argv[1], 1 << 20
with open(path, "wb") as file:
    file.truncate(size)
blocks = lambda: os.stat(path).st_blocks
reader = os.open(path, os.O_RDONLY)
empty = blocks()
os.pread(reader, size, 0)
after_read = blocks()
with mmap.mmap(reader, size, prot=mmap.PROT_READ) as view:
    assert not any(view[i] for i in range(0, size, mmap.PAGESIZE))
print(f"{empty} blocks, {after_read} after read(2), {blocks()} after reading the mapping")
PY
)
surprise="0 blocks, 0 after read(2), 2048 after reading the mapping"
echo "version:  Linux $(uname -r)"
echo "expected: 0 blocks throughout, because nobody writes"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
