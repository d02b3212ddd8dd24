/*
 * underpin-hook: the program that libvirt runs at each step of a domain's life, as a regular file
 * /etc/libvirt/hooks/qemu.d/underpin. Linked statically, so that it works in any state of the host.
 *
 *     underpin DOMAIN OPERATION SUBOPERATION EXTRA < domain XML
 *
 * It prints nothing on standard output: libvirt would take that for the domain's new XML. What it
 * prints on standard error becomes the end of libvirt's own message, which adds the line end.
 */
#include "hook/barrier.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_LIMIT = 8 * 1024 * 1024, INPUT_STEP = 64 * 1024 };

static const struct {
    const char *name, *suboperation;
    BarrierOperation run;
    bool may_refuse; /* a broken input is refused; the others let it pass */
} operations[] = {
    {"prepare", "begin", barrier_prepare, true}, {"restore", "begin", barrier_restore, true},
    {"start", "begin", barrier_start, true},     {"started", "begin", barrier_started, false},
    {"release", "end", barrier_release, false},  {"reconnect", "begin", barrier_reconnect, false},
};

/* All of standard input; NULL where it is longer than the limit or cannot be read. Caller frees. */
static char *read_input(size_t *length_out)
{
    char *input = NULL;
    size_t length = 0;
    while (length <= INPUT_LIMIT) {
        char *grown = realloc(input, length + INPUT_STEP);
        if (!grown)
            break;
        input = grown;
        ssize_t got = read(STDIN_FILENO, input + length, INPUT_STEP);
        if (got == 0) {
            *length_out = length;
            return input;
        }
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    free(input);
    return NULL;
}

static bool read_domain(DomainScan *scan_out, Verdict *verdict)
{
    size_t length;
    const char *problem = "it is too long or cannot be read";
    char *xml = read_input(&length);
    bool fine = xml && domain_scan(xml, length, scan_out, &problem);
    free(xml);
    return fine || refuse(verdict, "cannot understand the domain's XML: %s", problem);
}

static bool run(size_t operation, Verdict *verdict)
{
    DomainScan scan;
    if (!read_domain(&scan, verdict))
        return !operations[operation].may_refuse;
    bool allowed = operations[operation].run(&scan, verdict);
    domain_scan_clear(&scan);
    return allowed;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: underpin DOMAIN OPERATION SUBOPERATION EXTRA < XML   (libvirt's qemu hook)\n",
              stderr);
        return 2;
    }
    Verdict verdict = {""};
    bool allowed = true;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(argv[2], operations[i].name) == 0 &&
            strcmp(argv[3], operations[i].suboperation) == 0)
            allowed = run(i, &verdict);
    if (verdict.message[0] != '\0')
        fprintf(stderr, "underpin: %s", verdict.message);
    return allowed ? 0 : 1;
}
