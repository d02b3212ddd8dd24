/* See fake_screens.h. */
#include "fake_screens.h"

#include <pthread.h>
#include <sys/socket.h>

#include "foundation/error.h"
#include "http/lock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects the queue */
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static GQueue screens = G_QUEUE_INIT; /* descriptors + 1 */

DomainDisplay *fake_screen_display(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    (void)hypervisor;
    if (g_str_has_suffix(uuid, "10002")) {
        error_set(error, UNDERPIN_ERROR_REFUSED, "start it first", "'lab-2' is not running");
        return NULL;
    }
    DomainDisplay *display = domain_display_new();
    display->kind = g_str_has_suffix(uuid, "10003") ? DISPLAY_SPICE : DISPLAY_VNC;
    if (display->kind == DISPLAY_VNC)
        display->socket = g_strdup("/run/libvirt/qemu/lab/vnc.sock");
    else
        display->port = 5900;
    return display;
}

int fake_screen_open(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    int pair[2];
    (void)hypervisor;
    (void)uuid;
    (void)error;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        g_error("no pair of sockets");
    LOCK_FOR_SCOPE(&lock);
    g_queue_push_tail(&screens, GINT_TO_POINTER(pair[1] + 1));
    pthread_cond_broadcast(&opened);
    return pair[0];
}

int fake_screen_take(void)
{
    LOCK_FOR_SCOPE(&lock);
    while (g_queue_is_empty(&screens))
        pthread_cond_wait(&opened, &lock);
    return GPOINTER_TO_INT(g_queue_pop_head(&screens)) - 1;
}
