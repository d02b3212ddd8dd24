/* The key is written first: a certificate is never there without its key. */
#include "http/tls_certificate.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "foundation/error.h"

#define DAY_SECONDS    (24 * 3600)
#define LIFE_SECONDS   ((time_t)3652 * DAY_SECONDS)
#define PEM_BYTES_MAX  16384
#define SERIAL_BYTES   16
#define HOST_NAME_SIZE 256

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

/* --- names ------------------------------------------------------------------------------------ */

static int add_name(gnutls_x509_crt_t certificate, const char *name)
{
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int add_address(gnutls_x509_crt_t certificate, const struct sockaddr *address)
{
    const void *raw = address;
    const struct sockaddr_in6 *six = raw;
    const struct sockaddr_in *four = raw;
    if (address->sa_family == AF_INET)
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS,
                                                    &four->sin_addr, sizeof four->sin_addr,
                                                    GNUTLS_FSAN_APPEND);
    if (address->sa_family != AF_INET6 || IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
        return 0;
    return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, &six->sin6_addr,
                                                sizeof six->sin6_addr, GNUTLS_FSAN_APPEND);
}

static int add_addresses(gnutls_x509_crt_t certificate)
{
    struct ifaddrs *addresses = NULL;
    int code = 0;
    if (getifaddrs(&addresses) != 0)
        return 0;
    for (const struct ifaddrs *each = addresses; each && code >= 0; each = each->ifa_next) {
        if (each->ifa_addr && (each->ifa_flags & IFF_UP))
            code = add_address(certificate, each->ifa_addr);
    }
    freeifaddrs(addresses);
    return code;
}

static int add_names(gnutls_x509_crt_t certificate)
{
    char host[HOST_NAME_SIZE] = "";
    gethostname(host, sizeof host - 1);
    const char *name = host[0] != '\0' ? host : "localhost";
    int code = gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                             (unsigned)MIN(strlen(name), 64));
    if (code >= 0)
        code = add_name(certificate, name);
    if (code >= 0 && strcmp(name, "localhost") != 0)
        code = add_name(certificate, "localhost");
    return code >= 0 ? add_addresses(certificate) : code;
}

/* --- making ----------------------------------------------------------------------------------- */

static int set_serial(gnutls_x509_crt_t certificate)
{
    guint8 serial[SERIAL_BYTES];
    int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
    serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and of one length */
    return code >= 0 ? gnutls_x509_crt_set_serial(certificate, serial, sizeof serial) : code;
}

static int fill(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key)
{
    time_t now = time(NULL);
    const int codes[] = {
        gnutls_x509_crt_set_version(certificate, 3),
        set_serial(certificate),
        gnutls_x509_crt_set_activation_time(certificate, now - DAY_SECONDS),
        gnutls_x509_crt_set_expiration_time(certificate, now + LIFE_SECONDS),
        gnutls_x509_crt_set_key(certificate, key),
        gnutls_x509_crt_set_basic_constraints(certificate, 0, -1),
        gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE),
        gnutls_x509_crt_set_key_purpose_oid(certificate, GNUTLS_KP_TLS_WWW_SERVER, 0),
        add_names(certificate),
        gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0),
    };
    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (codes[i] < 0)
            return codes[i];
    }
    return 0;
}

static gboolean write_pem(const char *path, const char *pem, gsize length, GError **error)
{
    g_autoptr(GError) failure = NULL;
    if (g_file_set_contents_full(path, pem, (gssize)length,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &failure))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_BACKEND,
                     "make room and let root write there, or name a certificate in section [web]",
                     "the certificate of the web page cannot be kept: %s", failure->message);
}

static gboolean make_both(const char *certificate_path, const char *key_path, GError **error)
{
    g_auto(gnutls_x509_crt_t) certificate = NULL;
    g_auto(gnutls_x509_privkey_t) key = NULL;
    char key_pem[PEM_BYTES_MAX], certificate_pem[PEM_BYTES_MAX];
    gsize key_size = sizeof key_pem, certificate_size = sizeof certificate_pem;
    int code = gnutls_x509_privkey_init(&key);
    if (code >= 0)
        code = gnutls_x509_privkey_generate2(
            key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0, NULL, 0);
    if (code >= 0)
        code = gnutls_x509_crt_init(&certificate);
    if (code >= 0)
        code = fill(certificate, key);
    if (code >= 0)
        code = gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                key_pem, &key_size);
    if (code >= 0)
        code = gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_PEM, certificate_pem,
                                      &certificate_size);
    gboolean is_made =
        code >= 0 ? write_pem(key_path, key_pem, key_size, error) &&
                        write_pem(certificate_path, certificate_pem, certificate_size, error)
                  : error_set(error, UNDERPIN_ERROR_BACKEND, "name a certificate in section [web]",
                              "no certificate can be made: %s", gnutls_strerror(code));
    gnutls_memset(key_pem, 0, sizeof key_pem);
    return is_made;
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* One that cannot be read counts as ended: it is of no use. */
static gboolean has_ended(const char *path)
{
    g_autofree char *pem = NULL;
    gsize length = 0;
    g_auto(gnutls_x509_crt_t) certificate = NULL;
    if (!g_file_get_contents(path, &pem, &length, NULL) || gnutls_x509_crt_init(&certificate) < 0)
        return TRUE;
    const gnutls_datum_t data = {(unsigned char *)pem, (unsigned)length};
    return gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM) < 0 ||
           gnutls_x509_crt_get_expiration_time(certificate) <= time(NULL);
}

gboolean tls_certificate_ensure(const char *directory, char **certificate_path_out,
                                char **key_path_out, GError **error)
{
    g_autofree char *certificate_path = g_build_filename(directory, "certificate.pem", NULL);
    g_autofree char *key_path = g_build_filename(directory, "key.pem", NULL);
    if (g_mkdir_with_parents(directory, 0700) != 0)
        return error_set_errno(error, errno, "making the directory '%s'", directory);
    if ((!g_file_test(key_path, G_FILE_TEST_EXISTS) || has_ended(certificate_path)) &&
        !make_both(certificate_path, key_path, error))
        return FALSE;
    *certificate_path_out = g_steal_pointer(&certificate_path);
    *key_path_out = g_steal_pointer(&key_path);
    return TRUE;
}
