/*
 * slow_sync.c -- a library to preload into mariadbd: fsync and fdatasync take longer, and the disk is full
 *
 * A disk that is fast closes the window between "COMMIT was sent" and "COMMIT has returned". Before each sync this
 * sleeps as many milliseconds as the file named by SYNC_DELAY_FILE says, read each time so that a test can change it
 * while the server runs. No file, or nonsense in it: no delay.
 *
 * While the file named by DISK_FULL_FILE exists, tables cannot become larger: "no space left on device".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static void wait_as_told(void)
{
    const char *path = getenv("SYNC_DELAY_FILE");
    char text[16] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    if (read(fd, text, sizeof text - 1) > 0) {
        long ms = strtol(text, NULL, 10);
        if (ms > 0 && ms <= 10000) {
            struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
            nanosleep(&t, NULL);
        }
    }
    close(fd);
}

static int sync_as(const char *name, int fd)
{
    int (*real)(int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    wait_as_told();
    return real(fd);
}

int fsync(int fd)
{
    return sync_as("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_as("fdatasync", fd);
}

static bool is_full_for(int fd)
{
    const char *path = getenv("DISK_FULL_FILE");
    char link[64], name[4096] = "";
    if (path == NULL || access(path, F_OK) != 0) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    return n > 4 && strcmp(name + n - 4, ".ibd") == 0;
}

#define REAL(type, name) type = NULL; *(void **)&real = dlsym(RTLD_NEXT, name)

static int no_room(void)
{
    errno = ENOSPC;
    return -1;
}

int posix_fallocate(int fd, off_t offset, off_t len)
{
    REAL(int (*real)(int, off_t, off_t), "posix_fallocate");
    return is_full_for(fd) ? ENOSPC : real(fd, offset, len);
}

int posix_fallocate64(int fd, off64_t offset, off64_t len)
{
    REAL(int (*real)(int, off64_t, off64_t), "posix_fallocate64");
    return is_full_for(fd) ? ENOSPC : real(fd, offset, len);
}

/* With a mode it gives room back. */
int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    REAL(int (*real)(int, int, off64_t, off64_t), "fallocate64");
    return mode == 0 && is_full_for(fd) ? no_room() : real(fd, mode, offset, len);
}

int ftruncate64(int fd, off64_t len)
{
    REAL(int (*real)(int, off64_t), "ftruncate64");
    struct stat64 now;
    bool grows = fstat64(fd, &now) == 0 && len > now.st_size;
    return grows && is_full_for(fd) ? no_room() : real(fd, len);
}
