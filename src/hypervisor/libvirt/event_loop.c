/* Turns libvirt's default event loop: socket, keep-alive and event callbacks all run on this
 * thread. */
#include "hypervisor/libvirt/event_loop.h"

#include <glib.h>
#include <libvirt/libvirt.h>

static gpointer turn(gpointer user_data)
{
    (void)user_data;
    for (;;)
        virEventRunDefaultImpl();
    return NULL;
}

void event_loop_start(void)
{
    static gsize started;
    if (!g_once_init_enter(&started))
        return;
    if (virEventRegisterDefaultImpl() < 0)
        g_error("libvirt's event loop cannot be registered");
    g_thread_unref(g_thread_new("libvirt-events", turn, NULL));
    g_once_init_leave(&started, 1);
}
