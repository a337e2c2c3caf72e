/* Prints the values of a shared memory region, byte for byte. FORMAT.md specifies the region; § is a section there.
 * `reader NAME` prints the newest value. `reader -f NAME` continues with all later values, until the writer closes
 * the region.
 * Exit codes: 2 wrong usage, 3 no such region or value, 5 damaged or not a region (even if only a value is damaged; -f
 * continues after it), 141 the output is closed, 1 any other error. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are used as they are stored (§1)");
_Static_assert(sizeof(long) == 8 && ATOMIC_LONG_LOCK_FREE == 2, "a word must be loaded in one access (§9)");
#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define SLOT(n) ((const _Atomic uint64_t *)map + (slots_start + (n) % h.slots * h.stride) / 8) /* §2, §5 */
#define NEED(ok, what) ((ok) ? (void)0 : errx(5, "%s: %s", name, what))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define TOP (UINT64_C(1) << 62) /* the highest number of a value (§1) */
#define PERIOD_NS 50000000u     /* between two comparisons of the name; the longest sleep (§10) */
enum { OPEN = 1, CLOSED, MOVING, MOVED };
enum result { WHOLE, NOT_YET, OVERWRITTEN, DAMAGED, BAD_VALUE, NOTHING, BUSY };

static struct { /* a private copy of the first 256 bytes (§3) */
    uint32_t magic[2], version, header_bytes;
    uint64_t compatible, incompatible, region_bytes, lineage[2], file_number, slots, capacity, stride;
    uint32_t payload_offset, payload_alignment, kind, descriptor_bytes, descriptor_crc, reserved_108;
    uint64_t fingerprint, spin_ns, boot_id[2], origin[2], created_ns;
    uint32_t reserved_168[21], crc;
} h;
static const struct { uint64_t before[48]; _Atomic uint32_t state, bell; _Atomic uint64_t head, first; } *map;
static struct stat file; /* the file that is mapped */
static const char *name, *place; /* of the file, and the path of its directory */
static int directory, trusted; /* whether values without a checksum are trusted (§19) */
static uint64_t slots_start, *payload, length, next, expected; /* the numbers from expected to next are lost */

static uint32_t crc32(uint32_t crc, const void *from, size_t count) {
    crc = ~crc;
    for (size_t bit = 0; bit < 8 * count; bit++)
        crc = crc >> 1 ^ (0xedb88320 & -((crc ^ ((const uint8_t *)from)[bit / 8] >> bit % 8) & 1));
    return ~crc;
}

static bool same_boot(int fd) { /* also true if one of the two ids is unknown (§19) */
    struct statfs fs;
    if (fstatfs(fd, &fs) == 0 && (fs.f_type == 0x01021994 || fs.f_type == 0x958458f6)) return true; /* in memory */
    unsigned char id[16] = {0}, none[16] = {0};
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    for (int i = 15; f != NULL && i >= 0 && fscanf(f, "%2hhx%*[-]", &id[i]) == 1; i--) continue;
    if (f != NULL) fclose(f);
    return memcmp(id, h.boot_id, 16) == 0 || memcmp(id, none, 16) == 0 || memcmp(h.boot_id, none, 16) == 0;
}

static bool has_schema(const unsigned char *descriptor) { /* §4 */
    uint32_t record[2]; /* tag and length */
    for (uint64_t at = 0; at + 8 <= h.descriptor_bytes; at += 8 + (record[1] + UINT64_C(7)) / 8 * 8) {
        memcpy(record, descriptor + at, sizeof record);
        if (record[0] == 1) return true;
    }
    return false;
}

static void check_and_map(int fd, uint64_t file_bytes) { /* §8, steps 3 to 11 */
    static unsigned char descriptor[1 << 20];
    NEED(pread(fd, &h, sizeof h, 0) >= 8 && memcmp(h.magic, "shm\0ring", 8) == 0, "not a region: no magic");
    NEED(file_bytes >= 4096, "damaged: shorter than its header page");
    NEED(h.version == 1 << 16, "unknown format: not version 0.1");
    NEED(crc32(0, &h, 252) == h.crc, "damaged: CRC of the header");
    NEED(h.incompatible == 0, "unknown format: incompatible features");
    NEED(h.header_bytes == 4096, "damaged: header_bytes");
    uint64_t align = h.payload_alignment, offset = h.payload_offset, used = offset + 8 * (h.compatible & 1);
    slots_start = (UINT64_C(4096) + h.descriptor_bytes + 127) / 128 * 128;
    NEED(h.slots >= 2 && (h.slots & (h.slots - 1)) == 0, "damaged: slots");
    NEED(align >= 8 && align <= 4096 && (align & (align - 1)) == 0, "damaged: payload_alignment");
    NEED(offset % 8 == 0 && offset >= 24 && (slots_start + offset) % align == 0, "damaged: payload_offset");
    NEED(h.stride % 64 == 0 && h.stride % align == 0 && h.stride > used, "damaged: stride");
    NEED(h.capacity > 0 && h.capacity % 8 == 0 && h.capacity <= h.stride - used, "damaged: capacity");
    NEED(h.region_bytes % 8 == 0 && h.region_bytes >= slots_start, "damaged: region_bytes");
    NEED((h.region_bytes - slots_start) / h.stride >= h.slots, "damaged: slots or region_bytes");
    NEED(h.spin_ns <= 1000000000 && h.descriptor_bytes <= 1 << 20, "damaged: spin_ns or descriptor_bytes");
    NEED(h.region_bytes == file_bytes, "damaged: length of the file");
    if (h.region_bytes > UINT64_C(1) << 40) errx(1, "%s: too large", name);
    NEED(pread(fd, descriptor, h.descriptor_bytes, 4096) == h.descriptor_bytes, "damaged: descriptor");
    NEED(crc32(0, descriptor, h.descriptor_bytes) == h.descriptor_crc, "damaged: CRC of the descriptor");
    map = mmap(NULL, h.region_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) err(1, "%s", name);
    NEED(h.kind >= 1 && h.kind <= 5, "unknown kind");
    NEED(LOAD(map->first) - 1 <= LOAD(map->head), "damaged: first"); /* fails also for 0 */
    NEED(h.kind > 3 || (h.fingerprint == 0 && !has_schema(descriptor)), "damaged: a kind without a schema has one");
    trusted = same_boot(fd) || LOAD(map->state) == CLOSED;
}

static enum result look(uint64_t n) { /* §9 */
    const _Atomic uint64_t *slot = SLOT(n);
    uint64_t stamp = LOAD(slot[0]), owner = stamp / 2 + stamp % 2;
    if (stamp != 0 && (owner > TOP || owner % h.slots != n % h.slots)) return DAMAGED;
    if (stamp != 2 * n) return stamp < 2 * n ? NOT_YET : OVERWRITTEN;
    atomic_thread_fence(memory_order_acquire); /* B */
    uint64_t word = LOAD(slot[1]), words = 0;
    length = word & 0xffffffffffff;
    if (length <= h.capacity) words = (length + 7) / 8 + (h.compatible & 1); /* the checksum comes last */
    if ((payload = realloc(payload, 8 * words + 8)) == NULL) err(1, NULL);
    for (uint64_t i = 0; i < words; i++) payload[i] = LOAD(slot[h.payload_offset / 8 + i]);
    atomic_thread_fence(memory_order_acquire); /* A */
    if (LOAD(slot[0]) != 2 * n) return OVERWRITTEN;
    if (length > h.capacity) return DAMAGED;
    if ((h.compatible & 1) == 0) return trusted ? WHOLE : BAD_VALUE;
    uint32_t crc = crc32(crc32(crc32(0, &n, 8), &word, 8), payload, length);
    return (word >> 48 & 1) && payload[words - 1] == crc ? WHOLE : BAD_VALUE;
}

static void print_value(void) {
    if (next > expected) fprintf(stderr, "missed %lu values before %lu\n", next - expected, next);
    fwrite(payload, 1, length, stdout);
    putchar('\n');
    expected = ++next;
}

static enum result print_next(void) { /* §9: recv(), including lapped() and left_out() */
    for (int tries = 0; tries < 64; tries++) {
        if (next == 0 || next > TOP) return DAMAGED;
        enum result got = look(next);
        atomic_thread_fence(memory_order_acquire); /* A: the head is at least as new as the stamp */
        uint64_t head = LOAD(map->head), first = LOAD(map->first);
        atomic_thread_fence(memory_order_acquire); /* C */
        if (got == NOT_YET && head < next) return NOTHING;
        if (got == NOT_YET) got = look(next); /* it may have become whole just before the head was stored */
        if (got == WHOLE) print_value();
        if (got == DAMAGED && head >= next) return BAD_VALUE; /* it was published */
        if (got == WHOLE || got == DAMAGED || got == BAD_VALUE) return got;
        if (head < next || head > TOP || (got == NOT_YET && head == next)) return DAMAGED;
        uint64_t back = got == NOT_YET ? h.slots - 1 : h.slots / 2; /* if left out, and if lapped */
        next = got == NOT_YET ? MAX(next, first) : next + 1;
        next = head > back ? MAX(next, head - back) : next;
        while (got == NOT_YET && next < head && LOAD(SLOT(next)[0]) < 2 * next) next++;
    }
    return BUSY;
}

static void pass_bad_value(void) { /* §9: the ring retains no more values than it has slots */
    uint64_t head = LOAD(map->head), first = LOAD(map->first);
    warnx("%s: value %lu is damaged", name, next++);
    expected++;
    next = MAX(next, head >= h.slots ? MAX(first, head - (h.slots - 1)) : first);
}

static bool enter(void) { /* §17: maps the file of that name. False if it is missing or mapped already */
    uint64_t lineage[2] = {h.lineage[0], h.lineage[1]};
    static bool was_moved; /* when it was opened */
    static int nameless; /* how often the name led to a file without a name: at last it is mounted there */
    uint32_t state = map != NULL ? LOAD(map->state) : OPEN;
    struct stat st;
    int fd, gone = fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW);
    if (gone && (fd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC)) >= 0) {
        dup3(fd, directory, O_CLOEXEC); /* another directory may be there now */
        close(fd);
        if (fstat(directory, &st) == 0 && st.st_nlink == 0) errx(1, "%s: removed, and only mounted here", place);
        gone = fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW);
    }
    bool same = !gone && st.st_dev == file.st_dev && st.st_ino == file.st_ino;
    bool stuck = same && ((state == MOVED && !was_moved) || (st.st_nlink == 0 && state != CLOSED && nameless++ > 0));
    if (stuck || nameless > 100) errx(1, "%s: tied to one file: mount the directory, not the file", name);
    if (gone && errno != ENOENT && state == MOVED && !was_moved) err(1, "%s", name); /* no value follows here */
    if (same && (uint64_t)st.st_size < h.region_bytes) errx(5, "%s: damaged: its file was cut short", name);
    if (gone || same) return false;
    while (map != NULL && print_next() == WHOLE) continue;
    NEED(S_ISREG(st.st_mode), "not a region: not a regular file");
    fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) return false;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) err(1, "%s", name);
    if (st.st_nlink == 0 && close(fd) == 0 && usleep(500) == 0) return nameless++, enter(); /* replaced since */
    nameless = 0;
    if (map != NULL) munmap((void *)map, h.region_bytes);
    check_and_map(fd, (uint64_t)st.st_size);
    close(fd);
    file = st;
    was_moved = LOAD(map->state) == MOVED;
    uint64_t first = LOAD(map->first);
    bool restarted = memcmp(lineage, h.lineage, sizeof lineage) != 0;
    if (restarted && expected > 0) warnx("%s: the region was created again", name);
    if (restarted) next = expected = first;
    next = MAX(next, first);
    return true;
}

static void locate(const char *argument) { /* §7 */
    const char *slash = strrchr(argument, '/'), *set = getenv("SHM_DIR");
    name = slash ? slash + 1 : argument;
    place = slash ? strndup(argument, (size_t)(name - argument)) : set && *set ? set : "/dev/shm";
    size_t good = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    if (good < 1 || good > 200 || name[good] || strchr(".-", *name)) errx(2, "%s: not a name", argument);
    directory = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) err(errno == ENOENT ? 3 : 1, "%s", place);
}

int main(int argc, char **argv) {
    bool follow = argc == 3 && strcmp(argv[1], "-f") == 0, passed = false;
    if (argc != 2 + follow) errx(2, "usage: reader [-f] NAME");
    locate(argv[argc - 1]);
    if (!enter()) err(errno == ENOENT ? 3 : 1, "no region %s", name);
    uint64_t head = LOAD(map->head), watched = UINT64_MAX, since = 0, compared = 0;
    next = expected = MAX(head, next); /* if it is overwritten now, print_next gets a newer one */
    for (;;) {
        uint32_t seen = LOAD(map->bell);
        atomic_thread_fence(memory_order_acquire); /* D */
        uint32_t state = LOAD(map->state);
        atomic_thread_fence(memory_order_acquire); /* E */
        enum result got = state >= OPEN && state <= MOVED ? print_next() : DAMAGED;
        if (got == WHOLE && follow) continue;
        if (fflush(stdout) != 0) err(1, "standard output");
        if (got == WHOLE) return 0;
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        uint64_t now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
        bool compare = seen != watched || got == DAMAGED || got == BAD_VALUE || now - compared >= PERIOD_NS;
        since = seen != watched ? now : since;
        compared = compare ? now : compared;
        watched = compare && enter() ? UINT64_MAX : seen; /* the bell of one file says nothing about another file */
        if (watched != seen) continue;
        if (got == BAD_VALUE && follow) {
            pass_bad_value();
            passed = true;
            continue;
        }
        if (got == DAMAGED || got == BAD_VALUE) errx(5, "%s: damaged: the state, the head or value %lu", name, next);
        if (!follow) errx(got == NOTHING ? 3 : 1, "%s: %s", name, got == NOTHING ? "no value yet" : "busy");
        if (state == CLOSED && LOAD(map->head) < next) return passed ? 5 : 0;
        if (now - since < h.spin_ns) continue; /* poll before sleeping */
        if (poll(&(struct pollfd){.fd = STDOUT_FILENO}, 1, 0) > 0) return 141; /* nobody reads the output any more */
        t = (struct timespec){.tv_nsec = (long)(PERIOD_NS - (now - compared))};
        syscall(SYS_futex, &map->bell, FUTEX_WAIT, seen, &t, NULL, 0);
    }
}
