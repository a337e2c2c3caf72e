#!/usr/bin/env bash
# On XFS, a plain `cp FILE COPY` takes away the space that FILE's owner holds: coreutils shares the blocks, and from then on the owner
# needs new ones to overwrite bytes of its own. On a full disk that is ENOSPC, or SIGBUS through a mapping, without any change to FILE.
# Met by: programs whose files somebody backs up with cp on the same disk.
# Seen on: Linux 6.18, xfsprogs 6.1.0, coreutils 9.1. Needs root (a loop device) and apt-get, or mkfs.xfs.
set -euo pipefail
work=$(mktemp -d)
trap 'mountpoint -q "$work/disk" && umount "$work/disk"; rm -rf "$work"' EXIT
cd "$work"
mkfs=$(command -v mkfs.xfs || true)
if [ -z "$mkfs" ]; then
    command -v apt-get >/dev/null && apt-get download xfsprogs libinih1 liburcu8 >/dev/null 2>&1 || { echo "skipped: no mkfs.xfs"; exit 0; }
    for package in ./*.deb; do dpkg -x "$package" package; done
    mkfs=$work/package/sbin/mkfs.xfs
    export LD_LIBRARY_PATH=$work/package/lib/x86_64-linux-gnu:$work/package/usr/lib/x86_64-linux-gnu
fi
version="Linux $(uname -r), $("$mkfs" -V), $(cp --version | sed -n 1p)"
mkdir disk

cat > fill.py <<'PY'
import errno, os, sys
directory = sys.argv[1]
size, step = 16 << 20, 1 << 20
data = os.urandom(step)
file = os.open(f"{directory}/file", os.O_RDWR | os.O_CREAT)

def write_all():
    try:
        for offset in range(0, size, step):
            os.pwrite(file, data, offset)
        os.fsync(file)
        return "works"
    except OSError as error:
        return errno.errorcode[error.errno]

os.posix_fallocate(file, 0, size)
assert write_all() == "works"
if sys.argv[2] == "copy":
    assert os.system(f"cp {directory}/file {directory}/copy") == 0
filler = os.open(f"{directory}/filler", os.O_RDWR | os.O_CREAT)
for chunk in (data, data[:4096]):
    try:
        while True:
            os.write(filler, chunk)
    except OSError as error:
        assert error.errno == errno.ENOSPC
os.sync()
print(write_all())
PY
overwrite() {
    rm -f image
    truncate -s 400M image
    "$mkfs" -q image
    mount -o loop image disk 2>/dev/null || { echo "skipped: mounting XFS is not allowed"; return; }
    python3 fill.py disk "$1"
    umount disk
}
alone=$(overwrite alone)
case $alone in skipped:*) echo "$alone"; exit 0 ;; esac
seen="overwriting on a full disk: $alone; after cp: $(overwrite copy)"
surprise="overwriting on a full disk: works; after cp: ENOSPC"
echo "version:  $version"
echo "expected: overwriting on a full disk: works; after cp: works"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
