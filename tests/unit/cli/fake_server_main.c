/*
 * The fake daemon as a program, to look at the screens by hand:
 *
 *     fake-underpind SOCKET DIRECTORY PACE_MS 'GET /api/v1/machines => machines.json' …
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_server.h"

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: fake-underpind SOCKET DIRECTORY PACE_MS ROUTE...\n", stderr);
        return 2;
    }
    fake_server_start(argv[1], argv[2], (const char *const *)argv + 4, (guint)atoi(argv[3]));
    for (;;)
        pause();
}
