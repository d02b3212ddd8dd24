/* `underpin status`: the service at a glance. */
#include <string.h>

#include "cli/call.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/size.h"

static void print_machines(const json_t *status)
{
    static const struct {
        const char *key, *singular, *plural;
    } parts[] = {
        {"bases", "base", "bases"},        {"clones", "clone", "clones"},
        {"running", "running", "running"}, {"pending", "pending", "pending"},
        {"held", "on hold", "on hold"},    {"behind", "behind", "behind"},
    };
    GString *text = g_string_new(NULL);
    g_autofree char *machines = count_to_text(number_of(status, "machines"), "machine", "machines");
    g_string_append(text, machines);
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        guint64 count = number_of(status, parts[i].key);
        if (count == 0)
            continue;
        g_autofree char *words = count_to_text(count, parts[i].singular, parts[i].plural);
        g_string_append_printf(text, "%s%s", i == 0 || text->len == strlen(machines) ? ": " : ", ",
                               words);
    }
    say("Machines    %s", text->str);
    g_string_free(text, TRUE);
}

static void print_space(const json_t *status)
{
    const json_t *store = json_object_get(status, "store");
    guint64 entries = number_of(status, "undo_entries");
    g_autofree char *free_space = size_to_text(number_of(store, "free_bytes"));
    g_autofree char *size = size_to_text(number_of(store, "size_bytes"));
    g_autofree char *undo = size_to_text(number_of(status, "undo_bytes"));
    g_autofree char *kept = size_to_text(number_of(status, "kept_bytes"));
    g_autofree char *reclaimable = size_to_text(number_of(status, "reclaimable_bytes"));
    g_autofree char *count = count_to_text(entries, "system", "systems");
    say("Store       %s, %s free of %s", text_of(store, "path"), free_space, size);
    if (flag_of(store, "protects_layers"))
        say("Layers      protected against writing (%s)", text_of(store, "layer_protection"));
    else
        say("Layers      NOT PROTECTED against writing: see 'underpin doctor'");
    if (entries > 0)
        say("Undo        %s that can be put back, holding %s", count, undo);
    if (number_of(status, "kept_bytes") > 0)
        say("Kept data   %s of removed machines", kept);
    if (number_of(status, "reclaimable_bytes") > 0)
        say("Reclaim     %s that nobody needs any more", reclaimable);
}

static void print_web(const json_t *web)
{
    const json_t *problem = json_object_get(web, "problem");
    const char *state = text_of(web, "state"), *fingerprint = text_of(web, "fingerprint");
    const char *hint = text_of(problem, "hint");
    if (state == NULL)
        return;
    if (g_str_equal(state, "off")) {
        say("Web page    off");
        return;
    }
    if (json_is_object(problem)) {
        say("Web page    NOT ANSWERING: %s", text_of(problem, "message"));
        if (hint != NULL)
            say("            %s", hint);
        return;
    }
    say(json_is_false(json_object_get(web, "page"))
            ? "Web page    none: underpind is built without it; its API is at %s/"
            : "Web page    %s/",
        text_of(web, "address"));
    if (fingerprint != NULL)
        say("            certificate %s", fingerprint);
}

static void print_status(const json_t *status)
{
    const char *hook = text_of(status, "hook");
    const char *problem = text_of(status, "hook_problem");
    const json_t *question = json_object_get(status, "question");
    say("Underpin    %s", text_of(status, "version"));
    print_machines(status);
    print_space(status);
    say("Libvirt     %s", text_of(status, "libvirt"));
    say("Hook        %s%s%s", hook, problem != NULL ? ": " : "", problem != NULL ? problem : "");
    print_web(json_object_get(status, "web"));
    if (json_is_object(question)) {
        const char *hint = text_of(question, "hint");
        say("\nEverything has stopped: %s", text_of(question, "message"));
        say("  %s", hint != NULL ? hint : "answer with 'underpin doctor'");
    }
}

static int run_status(Call *call, GError **error)
{
    g_autoptr(Answer) answer = call_get(call, "/api/v1/status", error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        print_status(answer->json);
    return json_is_object(json_object_get(answer->json, "question")) ? EXIT_FAILED : EXIT_OK;
}

const Command command_status = {
    .name = "status",
    .group = GROUP_LOOK,
    .summary = "the service at a glance: machines, store, libvirt",
    .usage = "",
    .description = "Exits with 1 where the service has stopped and waits for an answer.",
    .examples = "status # counts, space, what is connected",
    .also_known_as = "health, df",
    .run = run_status,
};
