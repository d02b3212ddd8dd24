/* The strictest that the page can live with: everything comes from the daemon, nothing is inline,
 * nobody frames it. */
#include "http/security_headers.h"

#define COMMON                                                                                     \
    {"Content-Security-Policy",                                                                    \
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "       \
     "font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; "          \
     "base-uri 'none'; form-action 'self'"},                                                       \
        {"Referrer-Policy", "no-referrer"},                                                        \
        {"Permissions-Policy",                                                                     \
         "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},      \
        {"Cross-Origin-Opener-Policy", "same-origin"},                                             \
    {                                                                                              \
        "Cross-Origin-Resource-Policy", "same-origin"                                              \
    }

static const NamedHeader plain[] = {COMMON, {NULL, NULL}};
static const NamedHeader secure[] = {
    COMMON, {"Strict-Transport-Security", "max-age=31536000"}, {NULL, NULL}};

const NamedHeader *security_headers(gboolean is_secure)
{
    return is_secure ? secure : plain;
}
