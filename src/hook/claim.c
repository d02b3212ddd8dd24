/* Implements claims as files. */
#include "hook/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RESUME_BELIEVED_SECONDS = 60 };

static const char *const contents[] = {
    [CLAIM_ABSENT] = "",
    [CLAIM_STARTING] = "claimed\n",
    [CLAIM_RUNNING] = "started\n",
    [CLAIM_TURNED_AWAY] = "refused\n",
};

typedef struct {
    char text[PATH_MAX + 64];
} ClaimPath;

static const char *claim_path(ClaimPath *path, const char *directory, const char *machine_id,
                              const char *suffix)
{
    snprintf(path->text, sizeof path->text, "%s/%s%s", directory, machine_id, suffix);
    return path->text;
}

/* A claim that is there but says nothing known counts as that of a start. */
ClaimContent claim_read(const char *directory, const char *machine_id)
{
    ClaimPath path;
    char text[16] = "";
    int fd = open(claim_path(&path, directory, machine_id, ""),
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return CLAIM_ABSENT;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length > 0 && strcmp(text, contents[CLAIM_TURNED_AWAY]) == 0)
        return CLAIM_TURNED_AWAY;
    return length > 0 && strcmp(text, contents[CLAIM_RUNNING]) == 0 ? CLAIM_RUNNING
                                                                    : CLAIM_STARTING;
}

static bool make_directories(const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", directory) >= PATH_MAX)
        return false;
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    size_t length = strlen(text);
    bool fine = write(fd, text, length) == (ssize_t)length;
    return close(fd) == 0 && fine;
}

/* Written beside and renamed: the daemon never sees a claim without its content. Not synced: /run
 * has no disk. */
static bool replace_file(const char *directory, const char *machine_id, const char *suffix,
                         const char *text)
{
    ClaimPath path, fresh;
    claim_path(&path, directory, machine_id, suffix);
    claim_path(&fresh, directory, machine_id, ".new");
    if (make_directories(directory) && write_file(fresh.text, text) &&
        rename(fresh.text, path.text) == 0)
        return true;
    int reason = errno;
    unlink(fresh.text);
    errno = reason;
    return false;
}

bool claim_put(const char *directory, const char *machine_id, ClaimContent content)
{
    ClaimPath path;
    if (content != CLAIM_ABSENT)
        return replace_file(directory, machine_id, "", contents[content]);
    return unlink(claim_path(&path, directory, machine_id, "")) == 0 || errno == ENOENT;
}

bool claim_note_resume(const char *directory, const char *machine_id)
{
    return replace_file(directory, machine_id, ".resume", "resume\n");
}

bool claim_is_resume(const char *directory, const char *machine_id)
{
    ClaimPath path;
    struct stat status;
    if (lstat(claim_path(&path, directory, machine_id, ".resume"), &status) != 0)
        return false;
    time_t age = time(NULL) - status.st_mtime;
    return age >= -RESUME_BELIEVED_SECONDS && age <= RESUME_BELIEVED_SECONDS;
}

void claim_forget_resume(const char *directory, const char *machine_id)
{
    ClaimPath path;
    unlink(claim_path(&path, directory, machine_id, ".resume"));
}
