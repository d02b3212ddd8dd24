/* A connection to libvirt that comes back by itself. */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

typedef struct Connection Connection;

/* All called on the connection's own thread, in this order. */
typedef struct {
    void (*made)(virConnectPtr handle,
                 gpointer user_data);  /* nobody can use it yet: register here */
    void (*found)(gpointer user_data); /* it is in use */
    void (*lost)(gpointer user_data);  /* libvirt has gone; not when we leave */
    void (*ended)(virConnectPtr handle, gpointer user_data); /* for each made: unregister here */
} ConnectionListener;

/*
 * Starts connecting in the background. `listener` is constant; `user_data` is released by `destroy`
 * when the thread has made its last call, which may be after connection_free().
 */
Connection *connection_new(const char *uri, const ConnectionListener *listener, gpointer user_data,
                           GDestroyNotify destroy);
/* Ends it. A libvirt that hangs does not hold it up for more than two seconds. */
void connection_free(Connection *connection);

/*
 * Begins a call: waits for the first attempt to connect and for one of the few calls that libvirtd
 * takes at a time from one client. NULL with UNAVAILABLE while there is no connection.
 * connection_leave() must follow on the same thread.
 */
virConnectPtr connection_enter(Connection *connection, GError **error);
void connection_leave(Connection *connection, virConnectPtr handle);
