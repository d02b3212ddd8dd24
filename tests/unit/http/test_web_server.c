/* The web server put together, as the daemon has it: configuration, certificate, page, status. */
#include "cmocka_prelude.h"

#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_world.h"
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/routes.h"
#include "http/tls_certificate.h"
#include "http/web_server.h"
#include "raw_client.h"
#include "secure_client.h"

typedef struct {
    char *directory;
    FakeWorld *world;
    WebServer *web;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-web-XXXXXX", NULL);
    fixture->world = fake_world_new(3);
    *state = fixture;
    return 0;
}

static void remove_file(const Fixture *fixture, const char *name)
{
    g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
    g_remove(path);
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    web_server_free(fixture->web);
    secure_join();
    fake_world_free(fixture->world);
    remove_file(fixture, "certificate.pem");
    remove_file(fixture, "key.pem");
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture);
    return 0;
}

static WebServerConfig config_of(const Fixture *fixture, const char *listen)
{
    return (WebServerConfig){
        .listen = listen,
        .tls = TRUE,
        .certificate = "",
        .key = "",
        .directory = fixture->directory,
        .connection_limit = 64,
        .address_limit = 32,
        .retry_seconds = 1,
    };
}

static void start(Fixture *fixture, const WebServerConfig *config)
{
    gsize count;
    const Route *routes = routes_all(&count);
    fixture->web = web_server_new(config, NULL);
    assert_non_null(fixture->web);
    assert_true(web_server_start(fixture->web, &fixture->world->api, routes, count, NULL));
}

static void assert_header(const RawAnswer *answer, const char *name, const char *expected)
{
    g_autofree char *value = raw_header(answer, name);
    if (g_strcmp0(value, expected) != 0)
        fail_msg("%s is '%s'", name, value ? value : "(not there)");
}

static void the_page_comes_with_strict_headers(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "127.0.0.1:0");
    start(fixture, &config);
    int fd = secure_connect(web_server_port(fixture->web), 1, NULL);
    static const char *const targets[] = {"/", "/nowhere", "/healthz"};
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_auto(RawAnswer) answer = raw_get(fd, targets[i], "");
        g_autofree char *policy = raw_header(&answer, "Content-Security-Policy");
        assert_true(g_str_has_prefix(policy, "default-src 'none'; script-src 'self'; "));
        assert_null(strstr(policy, "unsafe"));
        assert_header(&answer, "Strict-Transport-Security", "max-age=31536000");
        assert_header(&answer, "X-Content-Type-Options", "nosniff");
        assert_header(&answer, "Referrer-Policy", "no-referrer");
        assert_header(&answer, "Cross-Origin-Opener-Policy", "same-origin");
    }
    close(fd);
}

static void without_tls_browsers_are_not_told_to_insist(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "127.0.0.1:0");
    config.tls = FALSE;
    start(fixture, &config);
    int fd = raw_connect_tcp(web_server_port(fixture->web), 1);
    g_auto(RawAnswer) answer = raw_get(fd, "/healthz", "");
    assert_int_equal(answer.status, 200);
    assert_header(&answer, "Strict-Transport-Security", NULL);
    assert_null(web_server_fingerprint(fixture->web));
    close(fd);
}

static void what_cannot_be_meant_is_refused(void **state)
{
    const Fixture *fixture = *state;
    WebServerConfig open = config_of(fixture, "0.0.0.0:8443"), half = config_of(fixture, "[::1]:0"),
                    no_address = config_of(fixture, "8443");
    open.tls = FALSE;
    half.certificate = "/etc/ssl/own.pem";
    const WebServerConfig *const bad[] = {&open, &half, &no_address};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(web_server_new(bad[i], &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
        assert_non_null(error_hint(error));
    }
}

static void it_says_where_it_is_and_who(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "127.0.0.1:0");
    start(fixture, &config);
    assert_true(web_server_check(fixture->web, NULL));
    g_autofree char *address = web_server_address(fixture->web);
    g_autofree char *expected =
        g_strdup_printf("https://127.0.0.1:%u", web_server_port(fixture->web));
    assert_string_equal(address, expected);
    g_autofree char *fingerprint = web_server_fingerprint(fixture->web);
    assert_int_equal(strlen(fingerprint), 32 * 3 - 1);
    web_server_reload(fixture->web);
    g_autofree char *same = web_server_fingerprint(fixture->web);
    assert_string_equal(same, fingerprint);
}

/* What a handler says, as JSON. */
static json_t *ask(const Fixture *fixture, HttpHandler handler)
{
    g_autoptr(HttpRequest) request = http_request_new("GET", "/");
    g_autoptr(HttpResponse) response = handler(&fixture->world->api, request, NULL);
    assert_non_null(response);
    gsize length;
    const char *text = g_bytes_get_data(response->body, &length);
    return json_loadb(text, length, 0, NULL);
}

static void status_and_doctor_show_what_is_the_matter(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "192.0.2.77:8443");
    start(fixture, &config);
    fixture->world->api.web = fixture->web;
    json_t *status = ask(fixture, handle_status), *doctor = ask(fixture, handle_doctor);
    const json_t *web = json_object_get(status, "web"), *items = json_object_get(doctor, "items");
    const json_t *finding = json_array_get(items, json_array_size(items) - 1);
    assert_string_equal(json_string_value(json_object_get(web, "state")), "unavailable");
    assert_string_equal(json_string_value(json_object_get(web, "address")),
                        "https://192.0.2.77:8443");
    assert_non_null(json_object_get(json_object_get(web, "problem"), "hint"));
    assert_string_equal(json_string_value(json_object_get(finding, "id")), "web-unavailable");
    assert_non_null(json_string_value(json_object_get(finding, "remedy")));
    json_decref(status);
    json_decref(doctor);
}

static void a_page_that_answers_is_no_finding(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "127.0.0.1:0");
    start(fixture, &config);
    fixture->world->api.web = fixture->web;
    json_t *status = ask(fixture, handle_status), *doctor = ask(fixture, handle_doctor);
    const json_t *web = json_object_get(status, "web");
    assert_string_equal(json_string_value(json_object_get(web, "state")), "answering");
    assert_non_null(json_object_get(web, "fingerprint"));
    assert_null(json_object_get(web, "problem"));
    assert_int_equal(json_array_size(json_object_get(doctor, "items")), 1);
    json_decref(status);
    json_decref(doctor);
}

static void a_certificate_that_is_missing_is_found_on_reload(void **state)
{
    Fixture *fixture = *state;
    WebServerConfig config = config_of(fixture, "127.0.0.1:0");
    g_autofree char *certificate = g_build_filename(fixture->directory, "certificate.pem", NULL);
    g_autofree char *key = g_build_filename(fixture->directory, "key.pem", NULL);
    g_autofree char *made_certificate = NULL, *made_key = NULL;
    g_autoptr(GError) problem = NULL;
    config.certificate = certificate;
    config.key = key;
    start(fixture, &config);
    assert_false(web_server_check(fixture->web, &problem));
    assert_int_equal(error_code(problem), UNDERPIN_ERROR_INVALID);
    assert_true(tls_certificate_ensure(fixture->directory, &made_certificate, &made_key, NULL));
    web_server_reload(fixture->web);
    assert_true(web_server_check(fixture->web, NULL));
}

/* --- the certificate that is made ------------------------------------------------------------- */

static gnutls_x509_crt_t read_certificate(const char *path)
{
    g_autofree char *pem = NULL;
    gsize length;
    gnutls_x509_crt_t certificate;
    assert_true(g_file_get_contents(path, &pem, &length, NULL));
    gnutls_x509_crt_init(&certificate);
    const gnutls_datum_t data = {(unsigned char *)pem, (unsigned)length};
    assert_int_equal(gnutls_x509_crt_import(certificate, &data, GNUTLS_X509_FMT_PEM), 0);
    return certificate;
}

static void a_certificate_is_made_once(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = NULL, *key = NULL, *again = NULL, *key_again = NULL;
    g_autofree char *first = NULL, *second = NULL;
    assert_true(tls_certificate_ensure(fixture->directory, &path, &key, NULL));
    assert_true(g_file_get_contents(path, &first, NULL, NULL));
    assert_true(tls_certificate_ensure(fixture->directory, &again, &key_again, NULL));
    assert_true(g_file_get_contents(path, &second, NULL, NULL));
    assert_string_equal(first, second);
    struct stat status;
    assert_int_equal(stat(key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void the_certificate_is_for_this_host(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = NULL, *key = NULL;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_true(tls_certificate_ensure(fixture->directory, &path, &key, NULL));
    gnutls_x509_crt_t certificate = read_certificate(path);
    assert_true(gnutls_x509_crt_check_hostname(certificate, host));
    assert_true(gnutls_x509_crt_check_hostname(certificate, "localhost"));
    assert_true(gnutls_x509_crt_check_hostname(certificate, "127.0.0.1"));
    assert_false(gnutls_x509_crt_check_hostname(certificate, "other.example"));
    unsigned bits;
    assert_int_equal(gnutls_x509_crt_get_pk_algorithm(certificate, &bits), GNUTLS_PK_ECDSA);
    assert_int_equal(bits, 256);
    gnutls_x509_crt_deinit(certificate);
}

static void a_certificate_of_no_use_is_made_anew(void **state)
{
    const Fixture *fixture = *state;
    g_autofree char *path = NULL, *key = NULL, *again = NULL, *key_again = NULL;
    assert_true(tls_certificate_ensure(fixture->directory, &path, &key, NULL));
    assert_true(g_file_set_contents(path, "", 0, NULL));
    assert_true(tls_certificate_ensure(fixture->directory, &again, &key_again, NULL));
    gnutls_x509_crt_deinit(read_certificate(path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_page_comes_with_strict_headers),
        TEST(without_tls_browsers_are_not_told_to_insist),
        TEST(what_cannot_be_meant_is_refused),
        TEST(it_says_where_it_is_and_who),
        TEST(status_and_doctor_show_what_is_the_matter),
        TEST(a_page_that_answers_is_no_finding),
        TEST(a_certificate_that_is_missing_is_found_on_reload),
        TEST(a_certificate_is_made_once),
        TEST(the_certificate_is_for_this_host),
        TEST(a_certificate_of_no_use_is_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
