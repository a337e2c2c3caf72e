#!/usr/bin/env bash
# On btrfs, posix_fallocate reserves space for the first write only. A second write to the same bytes goes to a new place, and on a
# full disk it fails with ENOSPC, though nothing was snapshot or copied. Through a mapping that error is a SIGBUS.
# Met by: programs that reserve a file in order to be safe from a full disk afterwards. (`chattr +C` on the empty file helps.)
# Seen on: Linux 6.18, btrfs-progs 6.2. Needs root (a loop device) and apt-get, or mkfs.btrfs.
set -euo pipefail
work=$(mktemp -d)
trap 'mountpoint -q "$work/disk" && umount "$work/disk"; rm -rf "$work"' EXIT
cd "$work"
mkfs=$(command -v mkfs.btrfs || true)
if [ -z "$mkfs" ]; then
    command -v apt-get >/dev/null && apt-get download btrfs-progs liblzo2-2 >/dev/null 2>&1 || { echo "skipped: no mkfs.btrfs"; exit 0; }
    for package in ./*.deb; do dpkg -x "$package" package; done
    mkfs=$work/package/sbin/mkfs.btrfs
    export LD_LIBRARY_PATH=$work/package/lib/x86_64-linux-gnu:$work/package/usr/lib/x86_64-linux-gnu
fi
version="Linux $(uname -r), $("$mkfs" --version | sed -n 1p)"
truncate -s 300M image
"$mkfs" -q image >/dev/null 2>&1
mkdir disk
if ! mount -o loop image disk 2>/dev/null; then echo "skipped: mounting btrfs is not allowed"; exit 0; fi

cat > fill.py <<'PY'
import errno, os, sys
directory, cow = sys.argv[1], sys.argv[2] == "cow"
size, step = 16 << 20, 1 << 20
data = os.urandom(step)
name = f"{directory}/{sys.argv[2]}"
open(name, "x").close()
if not cow:
    assert os.system(f"chattr +C {name}") == 0
file = os.open(name, os.O_RDWR)
os.posix_fallocate(file, 0, size)
filler = os.open(f"{directory}/filler", os.O_RDWR | os.O_CREAT)
for chunk in (data, data[:4096]):
    try:
        while True:
            os.write(filler, chunk)
    except OSError as error:
        assert error.errno == errno.ENOSPC
os.sync()

def write_all():
    try:
        for offset in range(0, size, step):
            os.pwrite(file, data, offset)
        os.fsync(file)
        return "works"
    except OSError as error:
        return errno.errorcode[error.errno]

print(f"first write {write_all()}, second write {write_all()}", end="")
os.unlink(f"{directory}/filler")
os.unlink(name)
PY
nocow=$(python3 fill.py disk nocow)
sync
cow=$(python3 fill.py disk cow)
seen="$cow; with chattr +C: $nocow"
surprise="first write works, second write ENOSPC; with chattr +C: first write works, second write works"
echo "version:  $version"
echo "expected: first write works, second write works; with chattr +C: the same"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
