/*
 * slow_sync.c -- a library to preload into mariadbd: fsync and fdatasync take longer
 *
 * A disk that is fast closes the window between "COMMIT was sent" and "COMMIT has returned". Before each sync this
 * sleeps as many milliseconds as the file named by SYNC_DELAY_FILE says, read each time so that a test can change it
 * while the server runs. No file, or nonsense in it: no delay.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
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
