/*
 * Threads around epoll. All watch the listening socket, one of them is woken for each connection,
 * and keeps it: a relay has one thread for its whole life.
 */
#include "http/front.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "foundation/error.h"
#include "http/address_limit.h"
#include "http/lock.h"

#define EVENTS_AT_A_TIME 64
#define TICK_MS          1000

typedef struct {
    Front *front;
    pthread_t thread;
    gboolean is_running;
    int epoll;
    int wake;           /* eventfd: look at what the front wants */
    GHashTable *relays; /* Relay, of this thread alone; so is what follows */
    GPtrArray *busy;    /* Relay that has more to move */
    GPtrArray *over;    /* Relay to be freed when no event can name it any more */
    gint64 swept_us;
    gboolean listens; /* whether epoll watches the listening socket */
} Loop;

struct Front {
    FrontConfig config;
    RelayHost host;
    AddressLimit *addresses;
    Loop *loops;
    pthread_mutex_t lock; /* protects what follows; taken before that of `addresses` */
    pthread_cond_t empty;
    int listen_fd; /* -1: not yet */
    GError *problem;
    gint64 tried_us;
    gboolean quiesced; /* no new connections */
    gboolean ending;   /* the threads are to end */
    guint connections;
};

void front_config_init(FrontConfig *config)
{
    *config = (FrontConfig){
        .threads = 2,
        .connection_limit = 2048,
        .address_limit = 256,
        .handshake_seconds = 15,
        .stall_seconds = 30,
        .linger_seconds = 5,
        .retry_seconds = 30,
    };
}

/* --- counting --------------------------------------------------------------------------------- */

static gboolean count_in(Front *front, const struct sockaddr *address)
{
    if (!address_limit_enter(front->addresses, address))
        return FALSE;
    LOCK_FOR_SCOPE(&front->lock);
    if (!front->quiesced && front->connections < front->config.connection_limit) {
        front->connections++;
        return TRUE;
    }
    address_limit_leave(front->addresses, address);
    return FALSE;
}

static void count_out(Front *front, const struct sockaddr *address)
{
    address_limit_leave(front->addresses, address);
    LOCK_FOR_SCOPE(&front->lock);
    if (--front->connections == 0)
        pthread_cond_broadcast(&front->empty);
}

/* --- relays of one thread --------------------------------------------------------------------- */

static void bury(Loop *loop, Relay *relay)
{
    g_hash_table_remove(loop->relays, relay);
    g_ptr_array_add(loop->over, relay);
}

static void run_relay(Loop *loop, Relay *relay, gint64 now_us)
{
    switch (relay_run(relay, now_us)) {
    case RELAY_HAS_MORE:
        g_ptr_array_add(loop->busy, relay);
        break;
    case RELAY_IS_OVER:
        bury(loop, relay);
        break;
    case RELAY_WAITS:
        break;
    }
}

static void run_busy(Loop *loop, gint64 now_us)
{
    g_autoptr(GPtrArray) busy = g_steal_pointer(&loop->busy);
    loop->busy = g_ptr_array_new();
    for (guint i = 0; i < busy->len; i++) {
        if (g_hash_table_contains(loop->relays, busy->pdata[i]))
            run_relay(loop, busy->pdata[i], now_us);
    }
}

static void bury_overdue(Loop *loop, gint64 now_us)
{
    GHashTableIter each;
    gpointer relay;
    g_hash_table_iter_init(&each, loop->relays);
    while (g_hash_table_iter_next(&each, &relay, NULL)) {
        if (!relay_is_overdue(relay, now_us))
            continue;
        g_hash_table_iter_remove(&each);
        g_ptr_array_add(loop->over, relay);
    }
}

static void free_buried(Loop *loop)
{
    for (guint i = 0; i < loop->over->len; i++) {
        Relay *relay = loop->over->pdata[i];
        struct sockaddr_storage address = *(const struct sockaddr_storage *)relay_address(relay);
        while (g_ptr_array_remove_fast(loop->busy, relay))
            continue;
        relay_free(relay);
        count_out(loop->front, (const struct sockaddr *)&address);
    }
    g_ptr_array_set_size(loop->over, 0);
}

/* --- listening -------------------------------------------------------------------------------- */

static void watch_listener(Loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = loop->front};
    loop->listens = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void unwatch_listener(Loop *loop, int fd)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
    loop->listens = FALSE;
}

static void take_client(Loop *loop, int fd, const struct sockaddr *address, socklen_t length,
                        gint64 now_us)
{
    Front *front = loop->front;
    if (!count_in(front, address)) {
        close(fd);
        return;
    }
    Relay *relay = relay_new(&front->host, loop->epoll, fd, address, length, now_us);
    if (!relay) {
        count_out(front, address);
        return;
    }
    g_hash_table_add(loop->relays, relay);
    run_relay(loop, relay, now_us);
}

/* One a time: the next may be another thread's. Without descriptors the socket is left alone until
 * the next tick, which begins to watch it again. */
static void accept_client(Loop *loop, gint64 now_us)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int listen_fd;
    {
        LOCK_FOR_SCOPE(&loop->front->lock);
        listen_fd = loop->front->listen_fd;
    }
    int fd = accept4(listen_fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        take_client(loop, fd, (const struct sockaddr *)&address, length, now_us);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        unwatch_listener(loop, listen_fd);
}

/* Tries once to get the address, and says what has changed. */
static void try_listen(Front *front)
{
    g_autoptr(GError) problem = NULL;
    int fd = tcp_listener_open(&front->config.listen, &problem);
    LOCK_FOR_SCOPE(&front->lock);
    front->tried_us = g_get_monotonic_time();
    if (fd < 0 && !front->problem)
        g_warning("the web page cannot be reached: %s; trying again every %u s", problem->message,
                  front->config.retry_seconds);
    if (fd >= 0)
        g_message("the web server answers at port %u", tcp_listener_port(fd));
    g_clear_error(&front->problem);
    front->problem = g_steal_pointer(&problem);
    front->listen_fd = fd;
}

static gboolean is_time_to_retry(Front *front, gint64 now_us)
{
    LOCK_FOR_SCOPE(&front->lock);
    return front->listen_fd < 0 && !front->quiesced &&
           now_us >= front->tried_us + (gint64)front->config.retry_seconds * G_USEC_PER_SEC;
}

/* The first thread listens anew; each watches the socket when there is one. */
static void keep_listening(Loop *loop, gint64 now_us)
{
    Front *front = loop->front;
    if (loop == front->loops && is_time_to_retry(front, now_us))
        try_listen(front);
    int fd;
    gboolean quiesced;
    {
        LOCK_FOR_SCOPE(&front->lock);
        fd = front->listen_fd;
        quiesced = front->quiesced;
    }
    if (quiesced && loop->listens)
        unwatch_listener(loop, fd);
    else if (!quiesced && !loop->listens && fd >= 0)
        watch_listener(loop, fd);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void take_event(Loop *loop, const struct epoll_event *event, gint64 now_us)
{
    uint64_t count;
    if (event->data.ptr == loop->front) {
        accept_client(loop, now_us);
        return;
    }
    if (event->data.ptr == loop) {
        if (read(loop->wake, &count, sizeof count) > 0)
            keep_listening(loop, now_us);
        return;
    }
    RelayEnd *end = event->data.ptr;
    if (!g_hash_table_contains(loop->relays, end->relay))
        return;
    relay_note(end, event->events);
    run_relay(loop, end->relay, now_us);
}

static void tick(Loop *loop, gint64 now_us)
{
    if (now_us < loop->swept_us + TICK_MS * 1000)
        return;
    loop->swept_us = now_us;
    bury_overdue(loop, now_us);
    keep_listening(loop, now_us);
}

static gboolean is_ending(Front *front)
{
    LOCK_FOR_SCOPE(&front->lock);
    return front->ending;
}

static void *run_loop(void *data)
{
    Loop *loop = data;
    struct epoll_event events[EVENTS_AT_A_TIME];
    keep_listening(loop, g_get_monotonic_time());
    while (!is_ending(loop->front)) {
        int count =
            epoll_wait(loop->epoll, events, EVENTS_AT_A_TIME, loop->busy->len > 0 ? 0 : TICK_MS);
        gint64 now_us = g_get_monotonic_time();
        run_busy(loop, now_us);
        for (int i = 0; i < count; i++)
            take_event(loop, &events[i], now_us);
        tick(loop, now_us);
        free_buried(loop);
    }
    return NULL;
}

static void wake_all(Front *front)
{
    const uint64_t one = 1;
    for (guint i = 0; i < front->config.threads; i++) {
        if (front->loops[i].is_running && write(front->loops[i].wake, &one, sizeof one) < 0)
            g_warning("waking a thread of the web server: %s", g_strerror(errno));
    }
}

static gboolean loop_start(Loop *loop, Front *front, GError **error)
{
    loop->front = front;
    loop->relays = g_hash_table_new(NULL, NULL);
    loop->busy = g_ptr_array_new();
    loop->over = g_ptr_array_new();
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop};
    if (loop->wake < 0 || loop->epoll < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) != 0)
        return error_set_errno(error, errno, "making what a thread of the web server waits with");
    int result = pthread_create(&loop->thread, NULL, run_loop, loop);
    loop->is_running = result == 0;
    return result == 0 || error_set_errno(error, result, "starting a thread of the web server");
}

static void loop_stop(Loop *loop)
{
    if (!loop->front)
        return;
    if (loop->is_running)
        pthread_join(loop->thread, NULL);
    GHashTableIter each;
    gpointer relay;
    g_hash_table_iter_init(&each, loop->relays);
    while (g_hash_table_iter_next(&each, &relay, NULL))
        g_ptr_array_add(loop->over, relay);
    free_buried(loop);
    g_hash_table_unref(loop->relays);
    g_ptr_array_unref(loop->busy);
    g_ptr_array_unref(loop->over);
    if (loop->wake >= 0)
        close(loop->wake);
    if (loop->epoll >= 0)
        close(loop->epoll);
}

/* --- life ------------------------------------------------------------------------------------- */

static Front *front_new(const FrontConfig *config)
{
    Front *front = g_new0(Front, 1);
    front->config = *config;
    front->host = (RelayHost){
        .handshake_seconds = config->handshake_seconds,
        .stall_seconds = config->stall_seconds,
        .linger_seconds = config->linger_seconds,
        .tls = config->tls,
        .deliver = config->deliver,
        .user_data = config->user_data,
    };
    front->addresses = address_limit_new(config->address_limit);
    front->loops = g_new0(Loop, config->threads);
    front->listen_fd = -1;
    pthread_mutex_init(&front->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&front->empty, &attributes);
    pthread_condattr_destroy(&attributes);
    return front;
}

Front *front_start(const FrontConfig *config, GError **error)
{
    Front *front = front_new(config);
    try_listen(front);
    for (guint i = 0; i < config->threads; i++) {
        if (loop_start(&front->loops[i], front, error))
            continue;
        front_free(front);
        return NULL;
    }
    return front;
}

void front_quiesce(Front *front)
{
    {
        LOCK_FOR_SCOPE(&front->lock);
        if (front->quiesced)
            return;
        front->quiesced = TRUE;
        if (front->listen_fd >= 0)
            shutdown(front->listen_fd, SHUT_RDWR);
    }
    wake_all(front);
}

static void wait_until_empty(Front *front)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += front->config.linger_seconds;
    LOCK_FOR_SCOPE(&front->lock);
    while (front->connections > 0 &&
           pthread_cond_timedwait(&front->empty, &front->lock, &until) != ETIMEDOUT)
        continue;
    front->ending = TRUE;
}

void front_free(Front *front)
{
    if (!front)
        return;
    front_quiesce(front);
    wait_until_empty(front);
    wake_all(front);
    for (guint i = 0; i < front->config.threads; i++)
        loop_stop(&front->loops[i]);
    if (front->listen_fd >= 0)
        close(front->listen_fd);
    g_clear_error(&front->problem);
    pthread_cond_destroy(&front->empty);
    pthread_mutex_destroy(&front->lock);
    address_limit_free(front->addresses);
    g_free(front->loops);
    g_free(front);
}

guint16 front_port(Front *front, GError **problem_out)
{
    LOCK_FOR_SCOPE(&front->lock);
    if (front->listen_fd >= 0)
        return tcp_listener_port(front->listen_fd);
    if (front->problem)
        g_propagate_error(problem_out, g_error_copy(front->problem));
    return 0;
}

guint front_connections(Front *front)
{
    LOCK_FOR_SCOPE(&front->lock);
    return front->connections;
}
