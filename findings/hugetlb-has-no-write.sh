#!/usr/bin/env bash
# A file of huge pages can be read with read(2) but not written with write(2): that is EINVAL, whatever the length.
# The error looks like a wrong argument. Only a mapping can store there.
# Met by: programs that create a header with write(2) and map the file afterwards. A memfd shows it without root and without
# any huge page reserved.
# Seen on: Linux 6.18, Python 3.11.
set -euo pipefail
seen=$(python3 - <<'PY'
import errno, os, sys
try:
    file = os.memfd_create("finding", os.MFD_HUGETLB | os.MFD_CLOEXEC)
except OSError as error:
    print(f"skipped: no huge pages in this kernel ({error.strerror})")
    sys.exit()
size = 2 << 20
os.ftruncate(file, size)
answers = []
for data in (b"x", bytes(4096), bytes(size)):
    try:
        answers.append(str(os.pwrite(file, data, 0)))
    except OSError as error:
        answers.append(errno.errorcode[error.errno])
print(f"read {len(os.pread(file, 8, 0))} bytes; write 1 byte, 1 page, 2 MiB: {', '.join(answers)}")
PY
)
case $seen in skipped:*) echo "$seen"; exit 0 ;; esac
surprise="read 8 bytes; write 1 byte, 1 page, 2 MiB: EINVAL, EINVAL, EINVAL"
echo "version:  Linux $(uname -r)"
echo "expected: read 8 bytes; writes succeed, or fail because the kernel has no huge pages free"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
