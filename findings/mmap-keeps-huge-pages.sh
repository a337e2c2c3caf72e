#!/usr/bin/env bash
# `mmap.close` reports success and unmaps nothing, if the file consists of huge pages and the length is not a multiple of
# their size. The kernel maps whole huge pages, but refuses to unmap a part of one; CPython ignores that error.
# The pages stay reserved or in use until the process ends, even after the file was removed. Rust's memmap2 does the same:
# https://github.com/RazrFalcon/memmap2-rs/issues/156
# Seen on: Linux 6.18, Python 3.11.
set -euo pipefail
seen=$(python3 - <<'PY'
import mmap, os, sys
try:
    file = os.memfd_create("finding", os.MFD_HUGETLB | os.MFD_CLOEXEC)
except OSError as error:
    print(f"skipped: no huge pages in this kernel ({error.strerror})")
    sys.exit()
size = 2 << 20
os.ftruncate(file, size)
def left(length):
    """Maps and closes `length` bytes, without reserving pages for them, and returns how many mappings of the file are left."""
    MAP_NORESERVE = 0x4000
    mapping = mmap.mmap(file, length, flags=mmap.MAP_SHARED | MAP_NORESERVE)
    mapping.close()
    with open("/proc/self/maps") as maps:
        return sum("memfd:finding" in line for line in maps)
print(f"mappings left after closing one of 2 MiB: {left(size)}; after closing one of 10 bytes: {left(10)}")
PY
)
case $seen in skipped:*) echo "$seen"; exit 0 ;; esac
surprise="mappings left after closing one of 2 MiB: 0; after closing one of 10 bytes: 1"
echo "version:  Linux $(uname -r), $(python3 --version)"
echo "expected: mappings left after closing one of 2 MiB: 0; after closing one of 10 bytes: 0"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
