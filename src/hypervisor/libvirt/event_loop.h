/* libvirt's event loop, turned by one thread for the whole process. */
#pragma once

/*
 * Registers the loop and starts its thread at the first call; later calls do nothing. Must come
 * before the first connection. The thread lives as long as the process: libvirt cannot unregister a
 * loop. It runs GLib's default main context, so no other thread may run that one.
 */
void event_loop_start(void);
