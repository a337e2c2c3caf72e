#!/usr/bin/env bash
# A process-shared mutex that a glibc program has initialised and locked can be locked at once by a musl program: both sizes are 40
# bytes, but the words inside mean other things. The other way round it is kept out, and a read-write lock is respected both ways.
# Met by: an Alpine container (musl) beside one of Debian (glibc) that share a mapping.
# Seen on: musl 1.2.3, glibc 2.36, x86-64. Needs gcc and apt-get.
set -euo pipefail
command -v apt-get >/dev/null && command -v gcc >/dev/null || { echo "skipped: needs apt-get and gcc"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { echo "skipped: the layouts are those of x86-64"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download musl-dev >/dev/null 2>&1 || { echo "skipped: no package musl-dev"; exit 0; }
dpkg -x musl-dev_*.deb package
musl=package/usr/lib/x86_64-linux-musl

cat > locks.c <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared {
    _Alignas(64) pthread_mutex_t mutex;
    _Alignas(64) pthread_rwlock_t rwlock;
    _Alignas(64) sem_t semaphore;
};

int main(int count, char **arguments)
{
    int file = open(arguments[1], O_RDWR);
    struct shared *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (count > 2) {
        pthread_mutexattr_t mutex;
        pthread_rwlockattr_t rwlock;
        pthread_mutexattr_init(&mutex);
        pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED);
        pthread_rwlockattr_init(&rwlock);
        pthread_rwlockattr_setpshared(&rwlock, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&s->mutex, &mutex);
        pthread_rwlock_init(&s->rwlock, &rwlock);
        sem_init(&s->semaphore, 1, 5);
        pthread_mutex_lock(&s->mutex);
        pthread_rwlock_wrlock(&s->rwlock);
        return 0;
    }
    int value = -1;
    sem_getvalue(&s->semaphore, &value);
    printf("mutex %s, read-write lock %s, semaphore %d", pthread_mutex_trylock(&s->mutex) ? "busy" : "TAKEN",
           pthread_rwlock_trywrlock(&s->rwlock) ? "busy" : "TAKEN", value);
    return 0;
}
C
gcc -static -o with-glibc locks.c -lpthread
gcc -static -no-pie -nostdinc -nostdlib -isystem package/usr/include/x86_64-linux-musl -o with-musl \
    $musl/crt1.o $musl/crti.o locks.c $musl/libc.a "$(gcc -print-libgcc-file-name)" $musl/crtn.o
try() { rm -f region; truncate -s 4096 region; "./with-$1" region lock; "./with-$2" region; }
seen="glibc locks, musl tries: $(try glibc musl); musl locks, glibc tries: $(try musl glibc)"
surprise="glibc locks, musl tries: mutex TAKEN, read-write lock busy, semaphore 5; musl locks, glibc tries: mutex busy, read-write lock busy, semaphore 5"
echo "version:  $(basename musl-dev_*.deb), $(getconf GNU_LIBC_VERSION)"
echo "expected: mutex and read-write lock busy in both directions, semaphore 5"
echo "seen:     $seen"
[ "$seen" = "$surprise" ] || { echo "changed:  it was: $surprise"; exit 1; }
