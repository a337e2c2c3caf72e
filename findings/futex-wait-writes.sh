#!/usr/bin/env bash
# FUTEX_WAIT asks the kernel for a writable page, even when it returns at once with EAGAIN. In a private writable mapping this
# copies the page, so a process that only waits never sees the other side's later stores; in a hole of a file it allocates a block.
# Met by: programs that wait on a word in a private (copy-on-write) mapping of a shared file, or in a sparse file.
# Seen on: Linux 6.18, x86-64, Python 3.11.
set -euo pipefail
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the number of the futex call is that of x86-64"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seen=$(python3 - "$work/word" <<'PY'
import ctypes, errno, mmap, os, sys
FUTEX, FUTEX_WAIT = 202, 0
libc = ctypes.CDLL(None, use_errno=True)

def wait(view, other_than):
    word = ctypes.c_uint32.from_buffer(view)
    answer = libc.syscall(FUTEX, ctypes.byref(word), FUTEX_WAIT, other_than, None, None, 0)
    assert (answer, ctypes.get_errno()) == (-1, errno.EAGAIN)

file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 4096)
shared = mmap.mmap(file, 4096)
private = mmap.mmap(file, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
shared[0] = 1
before = private[0]
shared[0] = 2
after_store = private[0]
wait(private, 77)
shared[0] = 3
sparse = os.open(sys.argv[1] + ".sparse", os.O_RDWR | os.O_CREAT)
os.ftruncate(sparse, 4096)
blocks = os.fstat(sparse).st_blocks
wait(mmap.mmap(sparse, 4096), 77)
grew = os.fstat(sparse).st_blocks > blocks
print(f"private reads {before}, {after_store}, and after a wait {private[0]} where shared holds {shared[0]}; "
      f"the hole {'was allocated' if grew else 'stayed a hole'}")
PY
)
surprise="private reads 1, 2, and after a wait 2 where shared holds 3; the hole was allocated"
echo "version:  Linux $(uname -r)"
echo "expected: private reads 1, 2, and after a wait 3 where shared holds 3; the hole stayed a hole"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
