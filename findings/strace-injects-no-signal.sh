#!/usr/bin/env bash
# With `--seccomp-bpf`, which only makes it faster, strace accepts `-e inject=CALL:signal=SIG` and delivers no signal. Where the
# same option also sets an error, the error is injected and its signal is dropped. There is no warning.
# Met by: fault injection in tests: a test that should survive signals passes because none arrives.
# Seen on: strace 6.1 (Debian 6.1-0.1), Linux 6.18. Needs ptrace.
set -euo pipefail
command -v strace >/dev/null || { echo "skipped: no strace"; exit 0; }
strace -o /dev/null true 2>/dev/null || { echo "skipped: ptrace is not allowed"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/victim.py" <<'PY'
import os, signal
caught = []
signal.signal(signal.SIGUSR1, lambda *_: caught.append("signal"))
try:
    os.rmdir("/nonexistent/finding")
except OSError as error:
    caught.append(error.strerror)
print(" and ".join(sorted(caught)))
PY
victim() { strace "$@" -o /dev/null -e trace=rmdir -e inject=rmdir:error=EIO:signal=USR1 python3 "$work/victim.py"; }
plain=$(victim -f)
fast=$(victim -f --seccomp-bpf)
seen="without the option: $plain; with it: $fast"
surprise="without the option: Input/output error and signal; with it: Input/output error"
echo "version:  $(strace -V | sed -n 1p)"
echo "expected: without the option: $plain; with it: $plain"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
