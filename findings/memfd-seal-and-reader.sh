#!/usr/bin/env bash
# F_SEAL_WRITE is refused with EBUSY while a mapping exists that can only read, if the descriptor it was made from could write.
# The same read-only mapping, made from the same descriptor one call later, is allowed beside the seal.
# Met by: programs that fill a memfd, keep a read-only view of it and seal it before they pass it on.
# Seen on: Linux 6.18, Python 3.11. (Older kernels refuse the second mapping, too.)
set -euo pipefail
seen=$(python3 - <<'PY'
import errno, fcntl, mmap, os
F_ADD_SEALS, F_SEAL_WRITE = 1033, 8

def attempt(action):
    try:
        action()
        return "allowed"
    except OSError as error:
        return errno.errorcode[error.errno]

memory = os.memfd_create("finding", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
os.ftruncate(memory, 4096)
view = mmap.mmap(memory, 4096, prot=mmap.PROT_READ)
first = attempt(lambda: fcntl.fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE))
view.close()
second = attempt(lambda: fcntl.fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE))
third = attempt(lambda: mmap.mmap(memory, 4096, prot=mmap.PROT_READ))
print(f"seal beside a read-only mapping: {first}; without it: {second}; the same mapping after the seal: {third}")
PY
)
surprise="seal beside a read-only mapping: EBUSY; without it: allowed; the same mapping after the seal: allowed"
echo "version:  Linux $(uname -r)"
echo "expected: allowed three times: the mapping cannot write"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
