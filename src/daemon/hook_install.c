/*
 * Implements the installation of the hook.
 *
 * The new program is written beside qemu.d and renamed into it, because libvirt runs whatever is
 * executable there, and one that is half written would refuse every start of the host.
 */
#include "daemon/hook_install.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/error.h"

#define STAGED_NAME ".underpin-hook"

enum { PROGRAM_LIMIT = 64 * 1024 * 1024, PID_FILE_LIMIT = 64 };

typedef int Descriptor;
static void descriptor_clear(Descriptor *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Descriptor, descriptor_clear)

/* --- installing
 * -----------------------------------------------------------------------------------------------
 */

static int open_directory(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0755) != 0) {
        error_set_errno(error, errno, "cannot make the directory '%s'", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the directory '%s'", path);
    return fd;
}

static gboolean has_right_form(int directory_fd)
{
    struct stat status;
    return fstatat(directory_fd, HOOK_FILE_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode) && (status.st_mode & 07777) == 0755 &&
           status.st_uid == geteuid();
}

static gboolean is_installed(int directory_fd, const char *program, gsize length)
{
    gsize installed_length = 0;
    if (!has_right_form(directory_fd))
        return FALSE;
    g_autofree char *installed =
        file_read_bounded(directory_fd, HOOK_FILE_NAME, PROGRAM_LIMIT, &installed_length, NULL);
    return installed && installed_length == length && memcmp(installed, program, length) == 0;
}

static gboolean put_program(int hooks_fd, int directory_fd, const char *program, gsize length,
                            GError **error)
{
    if (!durable_file_replace(hooks_fd, STAGED_NAME, program, length, 0755, error))
        return FALSE;
    if (renameat(hooks_fd, STAGED_NAME, directory_fd, HOOK_FILE_NAME) != 0) {
        error_set_errno(error, errno, "cannot install the hook program");
        unlinkat(hooks_fd, STAGED_NAME, 0);
        return FALSE;
    }
    return durable_directory_sync(directory_fd, ".", error) &&
           durable_directory_sync(hooks_fd, ".", error);
}

gboolean hook_install(const char *program, const char *hooks_directory, gboolean *changed_out,
                      GError **error)
{
    gsize length = 0;
    g_autofree char *directory = g_build_filename(hooks_directory, "qemu.d", NULL);
    g_autofree char *bytes = file_read_bounded(AT_FDCWD, program, PROGRAM_LIMIT, &length, error);
    if (!bytes)
        return FALSE;
    g_auto(Descriptor) hooks_fd = open_directory(hooks_directory, error);
    g_auto(Descriptor) directory_fd = hooks_fd >= 0 ? open_directory(directory, error) : -1;
    if (directory_fd < 0)
        return FALSE;
    gboolean changed = !is_installed(directory_fd, bytes, length);
    if (changed && !put_program(hooks_fd, directory_fd, bytes, length, error))
        return FALSE;
    *changed_out = changed;
    return TRUE;
}

/* --- reloading
 * -------------------------------------------------------------------------------------------------
 */

/* A pid file outlives its process, and SIGHUP ends a program that does not expect it: the name must
 * be right too. */
static gboolean process_is(pid_t pid, const char *name)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
    g_autofree char *comm = NULL;
    return g_file_get_contents(path, &comm, NULL, NULL) && strcmp(g_strchomp(comm), name) == 0;
}

/* 0: none. */
static pid_t read_pid(const char *run_directory, const char *file)
{
    g_autofree char *path = g_build_filename(run_directory, file, NULL);
    g_autofree char *text = file_read_bounded(AT_FDCWD, path, PID_FILE_LIMIT, NULL, NULL);
    gint64 pid = 0;
    gboolean is_pid =
        text && g_ascii_string_to_signed(g_strstrip(text), 10, 1, G_MAXINT, &pid, NULL);
    return is_pid ? (pid_t)pid : 0;
}

/* The descriptor holds the process, so that its number cannot pass to another one between look and
 * signal. */
static gboolean reload(pid_t pid, const char *name, GError **error)
{
    g_auto(Descriptor) fd = pidfd_open(pid, 0);
    if (fd < 0 || !process_is(pid, name))
        return fd >= 0 || errno == ESRCH || error_set_errno(error, errno, "cannot reach %s", name);
    return pidfd_send_signal(fd, SIGHUP, NULL, 0) == 0 || errno == ESRCH ||
           error_set_errno(error, errno, "cannot make %s read its hooks again", name);
}

gboolean hook_reload_libvirt_in(const char *run_directory, GError **error)
{
    static const struct {
        const char *pid_file, *name;
    } daemons[] = {{"libvirtd.pid", "libvirtd"}, {"virtqemud.pid", "virtqemud"}};
    for (gsize i = 0; i < G_N_ELEMENTS(daemons); i++) {
        pid_t pid = read_pid(run_directory, daemons[i].pid_file);
        if (pid != 0 && !reload(pid, daemons[i].name, error))
            return FALSE;
    }
    return TRUE;
}

gboolean hook_reload_libvirt(GError **error)
{
    return hook_reload_libvirt_in("/run", error);
}
