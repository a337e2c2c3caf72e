#!/usr/bin/env bash
# Under qemu-user 7.2 madvise(2) answers "success" to most requests, and to numbers that mean nothing, and does nothing. So
# MADV_WIPEONFORK leaves the child the parent's bytes, MADV_POPULATE_WRITE reserves no page and MADV_REMOVE frees none.
# Met by: tests of another architecture under qemu-user, of code that notices a fork by a wiped page or populates its mappings.
# Seen on: qemu-user 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18), against Linux 6.18 itself. Needs gcc and apt-get.
set -euo pipefail
command -v apt-get >/dev/null && command -v gcc >/dev/null || { echo "skipped: needs apt-get and gcc"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { echo "skipped: runs qemu-x86_64 beside the same program natively"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download qemu-user >/dev/null 2>&1 || { echo "skipped: no package qemu-user"; exit 0; }
dpkg -x qemu-user_*.deb package
version=$(package/usr/bin/qemu-x86_64 --version | sed -n 1p)
case $version in *" 7.2"*) ;; *) echo "skipped: the claim is about 7.2, and this is $version"; exit 0 ;; esac

cat > advice.c <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int status;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 7;
    int wipe = madvise(page, 4096, 18 /* MADV_WIPEONFORK */);
    if (fork() == 0)
        _exit(page[0]);
    wait(&status);

    int memory = memfd_create("finding", 0);
    if (ftruncate(memory, 4096) != 0)
        return 1;
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    int populate = madvise(shared, 4096, 23 /* MADV_POPULATE_WRITE */);
    struct stat file;
    fstat(memory, &file);
    shared[0] = 5;
    int removal = madvise(shared, 4096, 9 /* MADV_REMOVE */);
    printf("wipe %d, child reads %d; populate %d, %ld blocks; remove %d, byte is %d; nonsense %d\n", wipe,
           WEXITSTATUS(status), populate, (long)file.st_blocks, removal, shared[0], madvise(page, 4096, 4242));
    return 0;
}
C
gcc -static -o advice advice.c
native=$(./advice)
seen=$(package/usr/bin/qemu-x86_64 ./advice)
surprise="wipe 0, child reads 7; populate 0, 0 blocks; remove 0, byte is 5; nonsense 0"
echo "version:  $version"
echo "expected: $native (the kernel itself)"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
