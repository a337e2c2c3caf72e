//! Which errors a system call may give, by its manual page. Left out are those that only say that the program passed
//! nonsense (EBADF, EFAULT, most of EINVAL), because then it is the program that is wrong and not the machine.

/// What file systems may say to every call that names a file.
///
/// That a name is not there would be a lie where it is: what follows from that is no fault of the program's.
const NAMES: &[&str] = &["EACCES", "EIO", "ENOMEM", "ELOOP", "ENOTDIR", "ENAMETOOLONG", "ESTALE"];
const CHANGES: &[&str] = &["EPERM", "EROFS", "ENOSPC", "EDQUOT", "EBUSY"];
const BYTES: &[&str] = &["EIO", "EAGAIN", "EINTR", "ENOMEM", "ESTALE"];

/// The errors of a call, the likeliest first; none for a call that cannot fail.
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
        // Of a pair of sockets in one process.
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
        "poll" => vec!["EINTR", "ENOMEM"],
        "sched_getaffinity" => vec!["EPERM", "ENOSYS"],
        "sigaltstack" => vec!["ENOMEM", "EPERM"],
        "prctl" => vec!["EPERM", "ENOSYS"],
        _ => vec![],
    }
}

/// The calls by which a region is found, made, changed, locked, mapped and waited for.
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

/// The errors of a call of which a region sees most: what is there runs out, is forbidden, or its disk fails.
pub fn likely(call: &str) -> Vec<&'static str> {
    match call {
        "openat" => vec!["EMFILE", "EACCES", "EIO"],
        "fallocate" => vec!["ENOSPC", "EFBIG"],
        "pread64" | "pwrite64" | "renameat2" | "unlinkat" | "newfstatat" | "fstat" => vec!["EIO"],
        call => of(call).into_iter().take(1).collect(),
    }
}

/// Calls that cannot fail; a process may always ask for its own limits. Where `brk` finds no memory, it gives the old end,
/// which cannot be injected.
const INFALLIBLE: [&str; 8] =
    ["getpid", "gettid", "geteuid", "prlimit64", "exit_group", "exit", "restart_syscall", "brk"];
/// Calls that Rust's and C's runtimes make for a thread or a handler; they end the process where these fail, by their own
/// decision, and only for reasons that do not occur.
const RUNTIME: [&str; 5] = ["rt_sigaction", "rt_sigprocmask", "rseq", "set_robust_list", "sched_yield"];

/// Whether it is known what the call may answer.
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
