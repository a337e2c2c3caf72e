"""A read-only FUSE file system with one file, which has the contents and the name of an existing file.

Mounts itself at argv[1], serves the file argv[2] there, and prints a line when it is mounted."""
import os
import struct
import subprocess
import sys

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, INIT, OPENDIR, READDIR, BATCH_FORGET = 1, 2, 3, 14, 15, 17, 26, 27, 28, 42
ENOENT, ENOSYS = 2, 38
mount, path = sys.argv[1:]
data = open(path, "rb").read()


def attributes(node):
    """Returns the struct fuse_attr of the directory (node 1) or of the file (node 2)."""
    mode, size = (0o40755, 4096) if node == 1 else (0o100600, len(data))
    times, nanos = [0] * 3, [0] * 3
    owner = [os.getuid(), os.getgid()]
    return struct.pack("<6Q3I7I", node, size, size // 512, *times, *nanos, mode, 1, *owner, 0, 4096, 0)


def answer(operation, node, body):
    """Returns the payload of an answer, or an errno."""
    if operation == INIT:
        return struct.pack("<4I2HI", 7, 31, 0, 0, 1, 1, 1 << 16) + bytes(40)
    if operation == LOOKUP:
        is_file = body.rstrip(b"\0").decode() == os.path.basename(path)
        return struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2) if is_file else ENOENT
    if operation == GETATTR:
        return struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if operation in (OPEN, OPENDIR):
        return struct.pack("<Q2I", 0, 0, 0)
    if operation == READ:
        offset, size = struct.unpack_from("<8xQI", body)
        return data[offset:offset + size]
    if operation == READDIR:
        return b""
    if operation == STATFS:
        return struct.pack("<5Q3I28x", 1 << 20, 1 << 20, 1 << 20, 100, 100, 4096, 255, 4096)
    return ENOSYS


device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "shm-test", mount], check=True, pass_fds=[device])
print("mounted", flush=True)
while True:
    try:
        request = os.read(device, 1 << 18)
    except OSError:
        break  # unmounted
    _, operation, unique, node = struct.unpack_from("<IIQQ", request)
    if operation in (FORGET, BATCH_FORGET):
        continue
    reply = answer(operation, node, request[40:])
    error, payload = (-reply, b"") if isinstance(reply, int) else (0, reply)
    os.write(device, struct.pack("<IiQ", 16 + len(payload), error, unique) + payload)
