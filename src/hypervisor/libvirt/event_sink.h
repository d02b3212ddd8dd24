/* libvirt's events translated, and handed to the port's one listener. */
#pragma once

#include "hypervisor/libvirt/connection.h"
#include "ports/hypervisor.h"

/* Thread-safe and reference counted: libvirt may hold on to it for a moment longer than the adapter
 * lives. */
typedef struct EventSink EventSink;
EventSink *event_sink_new(void);
EventSink *event_sink_ref(EventSink *sink);
void event_sink_unref(gpointer sink);

/* Registers with each new connection and emits HYPERVISOR_FOUND and LOST. Its user_data is a sink.
 */
extern const ConnectionListener event_sink_connection;

/* `listener` NULL: none; none is called any more when this returns. */
void event_sink_listen(EventSink *sink, HypervisorListener listener, gpointer user_data);
/*
 * We asked a guest for a reboot that will end in a stop: libvirt turns such a request into a plain
 * shutdown, which looks like the guest's own. If it stops in the next minutes,
 * DOMAIN_REBOOT_STOPPED is emitted first.
 */
void event_sink_expect_reboot(EventSink *sink, const char *uuid);
