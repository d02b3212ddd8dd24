/* The certificate that the web server has where none is configured: made at the first start. */
#pragma once

#include <glib.h>

/*
 * Sees to it that `directory` (0700, made) holds certificate.pem and key.pem (0600), and makes both
 * where one is missing or the certificate has ended: self-signed, ECDSA P-256, ten years, for the
 * names and addresses that this host has now. The paths; callers free. May be slow. Durable.
 */
gboolean tls_certificate_ensure(const char *directory, char **certificate_path_out,
                                char **key_path_out, GError **error);
