#!/usr/bin/env bash
# If a process dies while it holds two robust mutexes and has unmapped the second one, the first one stays locked for ever, too, although
# it is still mapped: the kernel walks the list of held mutexes in user memory and stops at the first address that it cannot read.
# Met by: programs that unmap one region while a robust mutex in it is held: every other lock of theirs loses its protection.
# Seen on: Linux 6.18, glibc 2.36. Needs gcc.
set -euo pipefail
command -v gcc >/dev/null || { echo "skipped: no gcc"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/robust.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *region_with_mutex(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &kind);
    return mutex;
}

static const char *first_after_death(int unmap_second)
{
    pthread_mutex_t *first = region_with_mutex(), *second = region_with_mutex();
    if (fork() == 0) {
        pthread_mutex_lock(first);
        pthread_mutex_lock(second);
        if (unmap_second)
            munmap(second, 4096);
        _exit(0);
    }
    wait(NULL);
    int answer = pthread_mutex_trylock(first);
    return answer == EOWNERDEAD ? "owner died" : answer == EBUSY ? "busy" : "other";
}

int main(void)
{
    const char *mapped = first_after_death(0), *unmapped = first_after_death(1);
    printf("first mutex: %s; with the second one unmapped: %s\n", mapped, unmapped);
    return 0;
}
C
gcc -o "$work/robust" "$work/robust.c" -lpthread
seen=$("$work/robust")
surprise="first mutex: owner died; with the second one unmapped: busy"
echo "version:  Linux $(uname -r), $(getconf GNU_LIBC_VERSION)"
echo "expected: first mutex: owner died; with the second one unmapped: owner died"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
