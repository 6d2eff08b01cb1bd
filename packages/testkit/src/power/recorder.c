/* Writes down what a process does to the files below a directory, so that a power cut at any moment can be played (cut.ts). It is put between the
 * process and its C library by LD_PRELOAD. Environment: KEYHAVEN_POWER_ROOT, the directory, absolute; KEYHAVEN_POWER_TAPE, the file to append to, elsewhere.
 * fsync and fdatasync are written down and not done: what they promise is played, and the disk of this computer is no part of it.
 *
 * A record: u32 bytes that follow, u8 kind, u64 inode, u64 number, u16 length of a first name, that name, payload. Each is one append of one write,
 * so records of several processes stand one after the other. A change is written down after it was done and before its caller goes on; the
 * beginning of a sync before it, so that it covers what had ended by then and nothing else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 65536
static unsigned char kept[FDS]; /* 1 = a file below the root, 2 = a directory */
static struct { dev_t device; ino_t inode; } of_kept[FDS];
static char root[PATH_MAX];
static size_t root_length;
static int tape = -1;

static ssize_t (*real_write)(int, const void *, size_t);

/* What changes names is done and written down as one, by one thread of one process at a time: otherwise a file that takes the name, or the inode, of one
 * that was just removed would be written down before that removal. */
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;
static void hold(void) {
  int before = errno;
  pthread_mutex_lock(&names);
  if (tape >= 0) flock(tape, LOCK_EX);
  errno = before;
}
static void let_go(void) {
  int before = errno;
  if (tape >= 0) flock(tape, LOCK_UN);
  pthread_mutex_unlock(&names);
  errno = before;
}

__attribute__((constructor)) static void begin(void) {
  const char *of = getenv("KEYHAVEN_POWER_ROOT");
  const char *to = getenv("KEYHAVEN_POWER_TAPE");
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
  real_write = dlsym(RTLD_NEXT, "write");
  if (of == NULL || to == NULL) return;
  strncpy(root, of, sizeof root - 1);
  root_length = strlen(root);
  tape = real_open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void put(char kind, uint64_t inode, uint64_t number, const char *name, const void *payload, size_t length) {
  if (tape < 0) return;
  int before = errno;
  uint16_t named = name == NULL ? 0 : (uint16_t)strlen(name);
  uint32_t follows = 1 + 8 + 8 + 2 + named + (uint32_t)length;
  size_t whole = 4 + follows;
  unsigned char small[8192];
  unsigned char *record = whole <= sizeof small ? small : malloc(whole);
  unsigned char *at = record;
  memcpy(at, &follows, 4), at += 4;
  *at++ = (unsigned char)kind;
  memcpy(at, &inode, 8), at += 8;
  memcpy(at, &number, 8), at += 8;
  memcpy(at, &named, 2), at += 2;
  if (named > 0) memcpy(at, name, named), at += named;
  if (length > 0) memcpy(at, payload, length);
  if (real_write(tape, record, whole) != (ssize_t)whole) abort();
  if (record != small) free(record);
  errno = before;
}

/* The path without the root and with one slash before each part; NULL where it is elsewhere. */
static const char *below(const char *path, char *into) {
  if (tape < 0 || path == NULL) return NULL;
  char full[PATH_MAX * 2];
  if (path[0] == '/') strncpy(full, path, sizeof full - 1);
  else {
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof folder) == NULL) return NULL;
    snprintf(full, sizeof full, "%s/%s", folder, path);
  }
  full[sizeof full - 1] = 0;
  if (strncmp(full, root, root_length) != 0 || (full[root_length] != '/' && full[root_length] != 0)) return NULL;
  snprintf(into, PATH_MAX, "%s", full + root_length);
  size_t end = strlen(into);
  while (end > 0 && into[end - 1] == '/') into[--end] = 0;
  return into;
}
static uint64_t inode_of(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) ? found.st_ino : 0;
}
/* libuv closes by a system call of its own, so the number may be that of a socket by now, or of a file elsewhere that mkstemp opened. */
static int is_kept(int fd) {
  if (fd < 0 || fd >= FDS || !kept[fd]) return 0;
  int before = errno;
  struct stat found;
  int is = fstat(fd, &found) == 0 && found.st_dev == of_kept[fd].device && found.st_ino == of_kept[fd].inode;
  errno = before;
  return is;
}
static uint64_t inode_at(const char *path) {
  struct stat found;
  int before = errno;
  uint64_t inode = lstat(path, &found) == 0 ? found.st_ino : 0;
  errno = before;
  return inode;
}

static int opened(int fd, const char *path, int flags, int existed) {
  char name[PATH_MAX];
  if (fd < 0 || fd >= FDS) return fd;
  kept[fd] = 0;
  if (below(path, name) == NULL) return fd;
  struct stat found;
  if (fstat(fd, &found) != 0) return fd;
  kept[fd] = S_ISDIR(found.st_mode) ? 2 : 1;
  of_kept[fd].device = found.st_dev;
  of_kept[fd].inode = found.st_ino;
  /* number: 1 = made, 2 = emptied, 4 = a directory */
  int made = (flags & O_CREAT) != 0 && !existed;
  put('O', found.st_ino, (made ? 1 : 0) | ((flags & O_TRUNC) != 0 && !made ? 2 : 0) | (S_ISDIR(found.st_mode) ? 4 : 0), name, NULL, 0);
  return fd;
}
#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    static int (*real)(const char *, int, ...); \
    if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list rest; va_start(rest, flags); mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0; va_end(rest); \
    int makes = (flags & O_CREAT) != 0; \
    if (makes) hold(); \
    int existed = tape >= 0 && inode_at(path) != 0; \
    int fd = opened(real(path, flags, mode), path, flags, existed); \
    if (makes) let_go(); \
    return fd; \
  }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
  int name(int at, const char *path, int flags, ...) { \
    static int (*real)(int, const char *, int, ...); \
    if (real == NULL) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list rest; va_start(rest, flags); mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0; va_end(rest); \
    int makes = (flags & O_CREAT) != 0; \
    if (makes) hold(); \
    int existed = tape >= 0 && inode_at(path) != 0; \
    int fd = opened(real(at, path, flags, mode), at == AT_FDCWD || path[0] == '/' ? path : NULL, flags, existed); \
    if (makes) let_go(); \
    return fd; \
  }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < FDS) kept[fd] = 0;
  return real(fd);
}
ssize_t write(int fd, const void *data, size_t length) {
  if (real_write == NULL) real_write = dlsym(RTLD_NEXT, "write");
  if (!is_kept(fd)) return real_write(fd, data, length);
  int appends = (fcntl(fd, F_GETFL) & O_APPEND) != 0;
  off_t at = appends ? 0 : lseek(fd, 0, SEEK_CUR);
  ssize_t done = real_write(fd, data, length);
  if (appends) at = lseek(fd, 0, SEEK_CUR) - done;
  if (done > 0) put('W', inode_of(fd), (uint64_t)at, NULL, data, (size_t)done);
  return done;
}
#define PWRITE(name) \
  ssize_t name(int fd, const void *data, size_t length, off_t at) { \
    REAL(name); \
    ssize_t done = real(fd, data, length, at); \
    if (done > 0 && is_kept(fd)) put('W', inode_of(fd), (uint64_t)at, NULL, data, (size_t)done); \
    return done; \
  }
PWRITE(pwrite)
PWRITE(pwrite64)
static void gathered(int fd, const struct iovec *parts, int count, off_t at, ssize_t done) {
  for (int part = 0; part < count && done > 0; part++) {
    size_t length = parts[part].iov_len < (size_t)done ? parts[part].iov_len : (size_t)done;
    if (length > 0) put('W', inode_of(fd), (uint64_t)at, NULL, parts[part].iov_base, length);
    at += (off_t)length, done -= (ssize_t)length;
  }
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  if (!is_kept(fd)) return real(fd, parts, count);
  ssize_t done = real(fd, parts, count);
  if (done > 0) gathered(fd, parts, count, lseek(fd, 0, SEEK_CUR) - done, done);
  return done;
}
#define PWRITEV(name) \
  ssize_t name(int fd, const struct iovec *parts, int count, off_t at) { \
    REAL(name); \
    ssize_t done = real(fd, parts, count, at); \
    if (done > 0 && is_kept(fd)) gathered(fd, parts, count, at, done); \
    return done; \
  }
PWRITEV(pwritev)
PWRITEV(pwritev64)
#define FTRUNCATE(name) \
  int name(int fd, off_t size) { \
    REAL(name); \
    int status = real(fd, size); \
    if (status == 0 && is_kept(fd)) put('X', inode_of(fd), (uint64_t)size, NULL, NULL, 0); \
    return status; \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)
#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    if (!is_kept(fd)) return real(fd); \
    uint64_t inode = inode_of(fd); \
    static uint64_t next; \
    uint64_t number = ((uint64_t)getpid() << 32) | __sync_add_and_fetch(&next, 1); \
    put('B', inode, number, #name, NULL, 0); \
    put('S', inode, number, #name, NULL, 0); \
    return 0; \
  }
SYNC(fsync)
SYNC(fdatasync)
static int renamed(int status, const char *from, const char *to) {
  char one[PATH_MAX], other[PATH_MAX];
  if (status == 0 && below(from, one) != NULL && below(to, other) != NULL) put('R', 0, 0, one, other, strlen(other));
  return status;
}
int rename(const char *from, const char *to) {
  REAL(rename);
  hold();
  int status = renamed(real(from, to), from, to);
  let_go();
  return status;
}
int link(const char *from, const char *to) {
  REAL(link);
  hold();
  int status = real(from, to);
  char name[PATH_MAX];
  if (status == 0 && below(to, name) != NULL) put('L', inode_at(to), 0, name, NULL, 0);
  let_go();
  return status;
}
static int gone(int status, const char *path) {
  char name[PATH_MAX];
  if (status == 0 && below(path, name) != NULL) put('U', 0, 0, name, NULL, 0);
  return status;
}
int unlink(const char *path) {
  REAL(unlink);
  hold();
  int status = gone(real(path), path);
  let_go();
  return status;
}
int rmdir(const char *path) {
  REAL(rmdir);
  hold();
  int status = gone(real(path), path);
  let_go();
  return status;
}
int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  hold();
  int status = real(path, mode);
  char name[PATH_MAX];
  if (status == 0 && below(path, name) != NULL) put('M', inode_at(path), 0, name, NULL, 0);
  let_go();
  return status;
}
/* What would go by unseen ends the process, so that nothing is proven by mistake. */
static int unseen(const char *what, int fd) {
  if (is_kept(fd)) {
    dprintf(2, "power recorder: %s is not written down\n", what);
    abort();
  }
  return 0;
}
int fallocate(int fd, int mode, off_t at, off_t length) {
  REAL(fallocate);
  return unseen("fallocate", fd), real(fd, mode, at, length);
}
int posix_fallocate(int fd, off_t at, off_t length) {
  REAL(posix_fallocate);
  return unseen("posix_fallocate", fd), real(fd, at, length);
}
ssize_t copy_file_range(int from, off_t *at, int to, off_t *into, size_t length, unsigned flags) {
  REAL(copy_file_range);
  return unseen("copy_file_range", to), real(from, at, to, into, length, flags);
}
ssize_t sendfile64(int to, int from, off_t *at, size_t length) {
  ssize_t (*real)(int, int, off_t *, size_t) = (ssize_t(*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile64");
  return unseen("sendfile", to), real(to, from, at, length);
}
