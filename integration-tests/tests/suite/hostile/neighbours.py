"""The attacks of another user on a region and on the files beside it. Prints one line for each attempt, with its result.

When started by root, it first becomes user 65534."""

import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import stat
import struct
import sys

DIRECTORY = os.environ["SHM_DIR"]
REGION, LOCK, DRAFT = (f"{DIRECTORY}/{name}" for name in ("demo", ".demo.lock", ".demo.new"))
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def attempt(what, action):
    try:
        action()
        print(what, "done", flush=True)
    except OSError as error:
        print(what, errno.errorcode[error.errno], flush=True)


def checked(result):
    if result in (-1, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "")
    return result


def mapped(fd, protection=mmap.PROT_READ):
    return checked(libc.mmap(None, 4096, protection, mmap.MAP_SHARED, fd, 0))


def change():
    """Tries everything that would change the region, or remove it or its lock file."""
    region = os.open(REGION, os.O_RDONLY)
    own = f"{DIRECTORY}/mine"
    os.close(os.open(own, os.O_WRONLY | os.O_CREAT, 0o666))
    for name, path in (("region", REGION), ("lock", LOCK)):
        attempt(f"open-{name}", lambda: os.open(path, os.O_RDWR))
        attempt(f"truncate-{name}", lambda: os.truncate(path, 0))
        attempt(f"unlink-{name}", lambda: os.unlink(path))
        attempt(f"rename-{name}", lambda: os.rename(path, f"{DIRECTORY}/moved"))
        attempt(f"replace-{name}", lambda: os.rename(own, path))
        attempt(f"chmod-{name}", lambda: os.chmod(path, 0o666))
        attempt(f"chown-{name}", lambda: os.chown(path, os.getuid(), -1))
        attempt(f"link-{name}", lambda: os.link(path, f"{DIRECTORY}/linked"))
    attempt("open-truncating", lambda: os.open(REGION, os.O_RDONLY | os.O_TRUNC))
    attempt("read-lock", lambda: os.open(LOCK, os.O_RDONLY))
    attempt("map-writable", lambda: mapped(region, mmap.PROT_READ | mmap.PROT_WRITE))
    attempt("mprotect", lambda: checked(libc.mprotect(mapped(region), 4096, mmap.PROT_WRITE)))
    attempt("reopen", lambda: os.open(f"/proc/self/fd/{region}", os.O_RDWR))
    attempt("write", lambda: os.pwrite(region, b"x", 4096))
    attempt("ftruncate", lambda: os.ftruncate(region, 0))
    attempt("fallocate", lambda: os.posix_fallocate(region, 0, 4096))
    attempt("fchmod", lambda: os.fchmod(region, 0o666))
    attempt("write-lock", lambda: fcntl.lockf(region, fcntl.LOCK_EX | fcntl.LOCK_NB))
    attempt("kill", lambda: os.kill(int(sys.argv[2]), 9))
    attempt("write-memory", lambda: os.open(f"/proc/{sys.argv[2]}/mem", os.O_RDWR))
    os.unlink(own)


def lock():
    """Takes every lock that a reader can take, and holds it until stdin ends."""
    region = os.open(REGION, os.O_RDONLY)
    attempt("flock", lambda: fcntl.flock(region, fcntl.LOCK_EX | fcntl.LOCK_NB))
    attempt("read-lock", lambda: fcntl.lockf(region, fcntl.LOCK_SH | fcntl.LOCK_NB))
    other = os.open(REGION, os.O_RDONLY)
    whole = struct.pack("hhqqixxxx", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    attempt("open-file-lock", lambda: fcntl.fcntl(other, 37, whole))
    attempt("lease", lambda: fcntl.fcntl(other, fcntl.F_SETLEASE, fcntl.F_RDLCK))
    print("holding", flush=True)
    sys.stdin.read()


def bother(operation, *arguments):
    """Makes a futex call on the bell in a loop until stdin ends, and prints how many sleepers it affected."""
    call = {"x86_64": 202, "aarch64": 98}[os.uname().machine]
    bell = mapped(os.open(REGION, os.O_RDONLY)) + int(sys.argv[2])
    print("at it", flush=True)
    met = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(1000):
            met += max(libc.syscall(call, ctypes.c_void_p(bell), operation, *arguments), 0)
    print("met", met, flush=True)


def requeue():
    """Moves all sleepers from the bell to another futex, which is never woken. Wakes no sleeper itself."""
    own = ctypes.c_uint32(0)
    bother(3, 0, ctypes.c_long(1 << 30), ctypes.byref(own), 0)


def wake():
    """Wakes all sleepers although there is no new value."""
    bother(1, 1 << 30, None, None, 0)


def plant():
    """Creates something under a name before the owner uses it."""
    what, path = sys.argv[2], f"{DIRECTORY}/{sys.argv[3]}"
    {
        "file": lambda: os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)),
        "link": lambda: os.symlink(os.environ["PRECIOUS"], path),
        "dangling": lambda: os.symlink(f"{DIRECTORY}/missing", path),
        "descriptor": lambda: os.symlink("/proc/self/fd/0", path),
        "fifo": lambda: os.mkfifo(path, 0o666),
        "directory": lambda: os.mkdir(path, 0o777),
        "socket": lambda: socket.socket(socket.AF_UNIX).bind(path),
    }[what]()


def device():
    """Creates a device under a name, which only root can do."""
    os.mknod(f"{DIRECTORY}/{sys.argv[2]}", stat.S_IFCHR | 0o666, os.makedev(1, 5))


os.umask(0)
if sys.argv[1] != "device":
    # Changing the user only after the start allows a Python that this user could not start. Afterwards the
    # process is like any other process of the user.
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: the process owns its files in /proc again
{"change": change, "lock": lock, "requeue": requeue, "wake": wake, "plant": plant, "device": device, "none": lambda: None}[sys.argv[1]]()
