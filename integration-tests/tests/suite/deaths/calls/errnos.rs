//! The errors that each system call can return, according to its manual page. Errors that only mean
//! that the program passed invalid arguments (EBADF, EFAULT, most of EINVAL) are left out, because
//! they are faults of the program and not of the machine.

/// Errors that a file system may return from any call that names a file.
///
/// ENOENT is not included. To claim that an existing file does not exist would be a lie, and the
/// program is not responsible for the consequences.
const NAMES: &[&str] = &["EACCES", "EIO", "ENOMEM", "ELOOP", "ENOTDIR", "ENAMETOOLONG", "ESTALE"];
const CHANGES: &[&str] = &["EPERM", "EROFS", "ENOSPC", "EDQUOT", "EBUSY"];
const BYTES: &[&str] = &["EIO", "EAGAIN", "EINTR", "ENOMEM", "ESTALE"];

/// Returns the errors of a call, the most likely first. A call that cannot fail has no errors.
pub fn of(call: &str) -> Vec<&'static str> {
    match call {
        "open" | "openat" => {
            let own =
                &["EMFILE", "ENFILE", "EINTR", "EEXIST", "EISDIR", "ENXIO", "ENODEV", "EOVERFLOW", "ETXTBSY", "EAGAIN"];
            [own, NAMES, CHANGES].concat()
        }
        "access" | "newfstatat" | "statx" | "readlink" => [&["EOVERFLOW"], NAMES].concat(),
        "fstat" => vec!["EIO", "ENOMEM", "EOVERFLOW", "ESTALE"],
        "fstatfs" | "statfs" => vec!["EIO", "ENOSYS", "EINTR", "ENOMEM", "EOVERFLOW", "ESTALE"],
        "unlinkat" => [NAMES, &["EPERM", "EROFS", "EBUSY", "EISDIR"]].concat(),
        "renameat2" => {
            let own = &["EEXIST", "EINVAL", "ENOSYS", "EXDEV", "EMLINK", "EISDIR", "ENOTEMPTY"];
            [own, NAMES, CHANGES].concat()
        }
        "fallocate" => vec![
            "ENOSPC",
            "EINTR",
            "EIO",
            "EFBIG",
            "EOPNOTSUPP",
            "ENOSYS",
            "EINVAL",
            "ENODEV",
            "EPERM",
            "ETXTBSY",
            "EDQUOT",
        ],
        "ftruncate" => vec!["EINTR", "EIO", "EFBIG", "EINVAL", "EPERM", "ETXTBSY"],
        "fchmod" | "fchown" => vec!["EPERM", "EIO", "EROFS", "EINTR", "ENOSPC", "EDQUOT", "ENOMEM"],
        "read" | "pread64" => [BYTES, &["EISDIR"]].concat(),
        // The calls are on a pair of sockets in one process.
        "recvfrom" => vec!["EINTR"],
        "write" | "pwrite64" | "sendto" => [BYTES, &["ENOSPC", "EDQUOT", "EFBIG", "EPERM", "EPIPE"]].concat(),
        "getdents64" => vec!["EIO", "ENOENT", "ENOMEM", "EINTR"],
        "lseek" => vec!["ESPIPE", "EINVAL", "EOVERFLOW"],
        "ioctl" => vec!["ENOTTY", "EIO"],
        "close" => vec!["EIO", "EINTR", "ENOSPC", "EDQUOT"],
        "fcntl" => vec!["ENOLCK", "EAGAIN", "EACCES", "EINTR", "EINVAL", "EIO", "EDEADLK", "EPERM", "ENOMEM"],
        "mmap" => vec!["ENOMEM", "EAGAIN", "EACCES", "ENODEV", "ENFILE", "EPERM", "ETXTBSY", "EOVERFLOW", "EINVAL"],
        "mremap" | "mprotect" => vec!["ENOMEM", "EAGAIN", "EACCES"],
        "munmap" => vec!["ENOMEM"],
        "madvise" => vec!["ENOMEM", "EAGAIN", "EINVAL", "EIO", "EPERM"],
        "futex" => vec!["EAGAIN", "EINTR", "ETIMEDOUT", "ENOMEM", "ENOSYS", "EPERM"],
        "clone3" | "clone" => vec!["EAGAIN", "ENOMEM", "EPERM", "ENOSYS", "ENOSPC"],
        "socketpair" | "pipe2" => vec!["EMFILE", "ENFILE", "ENOMEM", "EAFNOSUPPORT", "EOPNOTSUPP", "EPERM"],
        "getrandom" => vec!["ENOSYS", "EINTR", "EPERM"],
        "clock_nanosleep" => vec!["EINTR"],
        "poll" | "ppoll" => vec!["EINTR", "ENOMEM"],
        "sched_getaffinity" => vec!["EPERM", "ENOSYS"],
        "sigaltstack" => vec!["ENOMEM", "EPERM"],
        "prctl" => vec!["EPERM", "ENOSYS"],
        _ => vec![],
    }
}

/// The calls that find, create, change, lock, map and wait for a region.
pub const OF_REGIONS: [&str; 15] = [
    "openat",
    "getdents64",
    "fcntl",
    "newfstatat",
    "fstat",
    "fstatfs",
    "fallocate",
    "pread64",
    "pwrite64",
    "fchmod",
    "mmap",
    "renameat2",
    "unlinkat",
    "futex",
    "close",
];

/// Returns the errors of a call that a region encounters most: a resource is exhausted, access is
/// denied, or the disk fails.
pub fn likely(call: &str) -> Vec<&'static str> {
    match call {
        "openat" => vec!["EMFILE", "EACCES", "EIO"],
        "fallocate" => vec!["ENOSPC", "EFBIG"],
        "pread64" | "pwrite64" | "renameat2" | "unlinkat" | "newfstatat" | "fstat" => vec!["EIO"],
        call => of(call).into_iter().take(1).collect(),
    }
}

/// Calls that cannot fail. A process may always read its own limits. If `brk` finds no memory, it
/// returns the old end, which cannot be injected.
const INFALLIBLE: [&str; 8] =
    ["getpid", "gettid", "geteuid", "prlimit64", "exit_group", "exit", "restart_syscall", "brk"];
/// Calls that the runtimes of Rust and C make for a thread or a signal handler. If they fail, the
/// runtime itself ends the process. They fail only for reasons that do not occur here.
const RUNTIME: [&str; 5] = ["rt_sigaction", "rt_sigprocmask", "rseq", "set_robust_list", "sched_yield"];

/// Returns whether the possible results of the call are known.
pub fn is_known(call: &str) -> bool {
    !of(call).is_empty() || INFALLIBLE.contains(&call) || RUNTIME.contains(&call)
}

#[test]
fn a_likely_error_is_one_that_the_call_may_give() {
    for call in ["openat", "fallocate", "pread64", "pwrite64", "renameat2", "unlinkat", "newfstatat", "fstat", "fcntl"]
    {
        assert!(!likely(call).is_empty() && likely(call).iter().all(|errno| of(call).contains(errno)), "{call}");
    }
}
