#!/usr/bin/env bash
# When a file of an overlay's lower layer is first opened for writing, it is copied up, and its st_dev and st_ino stay the same.
# A descriptor opened before then reads the new file, and a mapping made from that same descriptor stays with the old one for ever.
# Met by: containers whose image holds a file that they map and later change; no check of identity shows the split.
# Seen on: Linux 6.18, Python 3.11. Needs root, to mount.
set -euo pipefail
work=$(mktemp -d)
trap 'for m in merged layers; do mountpoint -q "$work/$m" && umount "$work/$m"; done; rm -rf "$work"' EXIT
mkdir "$work/layers" "$work/merged"
if ! mount -t tmpfs finding "$work/layers" 2>/dev/null; then echo "skipped: mounting is not allowed"; exit 0; fi
mkdir "$work"/layers/{lower,upper,work}
printf 'old' > "$work/layers/lower/file"
layers="lowerdir=$work/layers/lower,upperdir=$work/layers/upper,workdir=$work/layers/work"
if ! mount -t overlay finding -o "$layers" "$work/merged" 2>/dev/null; then echo "skipped: no overlayfs"; exit 0; fi

seen=$(python3 - "$work/merged/file" <<'PY'
import mmap, os, sys
path = sys.argv[1]
reader = os.open(path, os.O_RDONLY)
view = mmap.mmap(reader, 3, prot=mmap.PROT_READ)
before = os.fstat(reader)
writer = os.open(path, os.O_RDWR)
os.pwrite(writer, b"new", 0)
after = os.stat(path)
same = (before.st_dev, before.st_ino) == (after.st_dev, after.st_ino)
print(f"identity {'same' if same else 'differs'}, descriptor reads {os.pread(reader, 3, 0).decode()}, "
      f"its mapping reads {view[:].decode()}")
PY
)
surprise="identity same, descriptor reads new, its mapping reads old"
echo "version:  Linux $(uname -r)"
echo "expected: identity same, descriptor reads new, its mapping reads new"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
