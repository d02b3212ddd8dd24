/* Implements the recognition of our machines. */
#include "hook/subject.h"

#include "hook/canonical_path.h"

#include <string.h>
#include <strings.h>

/* Everything about the path that is being judged. */
typedef struct {
    const DomainScan *scan;
    const ScannedPath *scanned;
    StorePath path;
    SubjectCheck check;
    Subject *subject;
    Verdict *verdict;
} Judgement;

static bool refuse_stored_chain(Verdict *verdict, const char *name)
{
    return refuse(verdict, "'%s' has a stored backing chain; run 'underpin doctor --repair'", name);
}

/* The name of the machine that the path belongs to, where it has been met before. */
static const char *known_name(const Subject *subject, const StorePath *path)
{
    for (size_t i = 0; i < subject->count; i++)
        if (strcmp(subject->machines[i].id, path->id) == 0 &&
            strcmp(subject->machines[i].store.root, path->store.root) == 0)
            return subject->machines[i].name;
    return NULL;
}

static bool add_machine(Judgement *judgement, const char **name_out)
{
    Subject *subject = judgement->subject;
    if (subject->count == SUBJECT_LIMIT)
        return refuse(judgement->verdict, "this domain uses the disks of too many machines");
    StoreMachine *machine = &subject->machines[subject->count];
    if (!store_machine_load(&judgement->path.store, judgement->path.id, machine,
                            judgement->verdict))
        return false;
    if (strcasecmp(machine->uuid, judgement->scan->uuid) != 0)
        return refuse(judgement->verdict, "these disks belong to machine '%s'", machine->name);
    subject->count++;
    *name_out = machine->name;
    return true;
}

static bool judge_head(Judgement *judgement)
{
    const char *name = known_name(judgement->subject, &judgement->path);
    if (!name && !add_machine(judgement, &name))
        return false;
    if (judgement->check == CHECK_DEFINITION && judgement->scanned->kind == SCANNED_CHAIN)
        return refuse_stored_chain(judgement->verdict, name);
    return true;
}

/* A layer below another image is how layers are used, unless the image itself hides behind a
 * storage pool's name. */
static bool judge_layer(Judgement *judgement)
{
    if (judgement->scanned->kind == SCANNED_CHAIN && !judgement->scanned->below_pool)
        return true;
    return refuse(judgement->verdict, "'%s' is a sealed layer; clone its base instead",
                  judgement->path.file);
}

static bool judge_inner(Judgement *judgement)
{
    return refuse(judgement->verdict, "'%s' is kept by Underpin's store and no disk of a domain",
                  judgement->path.file);
}

static bool judge_broken(Judgement *judgement)
{
    return refuse(judgement->verdict,
                  "'%s/store.ini' cannot be read or is not root's alone; see 'underpin doctor'",
                  judgement->path.store.root);
}

static bool judge_probe(Judgement *judgement)
{
    static const char end[] = ".raw";
    char *nonce = judgement->path.file;
    size_t length = strlen(nonce);
    if (judgement->check == CHECK_DEFINITION && length > strlen(end) &&
        strcmp(nonce + length - strlen(end), end) == 0)
        nonce[length - strlen(end)] = '\0';
    return refuse(judgement->verdict, "hook in force %s", nonce);
}

static bool judge_foreign(Judgement *judgement)
{
    (void)judgement;
    return true;
}

static bool (*const judges[])(Judgement *) = {
    [STORE_PATH_FOREIGN] = judge_foreign, [STORE_PATH_HEAD] = judge_head,
    [STORE_PATH_LAYER] = judge_layer,     [STORE_PATH_PROBE] = judge_probe,
    [STORE_PATH_INNER] = judge_inner,     [STORE_PATH_BROKEN] = judge_broken,
};

static void classify(const char *path, StorePath *path_out)
{
    char canonical[PATH_MAX];
    path_out->kind = STORE_PATH_FOREIGN;
    if (canonical_path(path, canonical))
        store_path_classify(canonical, path_out);
}

bool subject_find(const DomainScan *scan, SubjectCheck check, Subject *subject_out,
                  Verdict *verdict)
{
    static Judgement judgement;
    judgement =
        (Judgement){.scan = scan, .check = check, .subject = subject_out, .verdict = verdict};
    subject_out->count = 0;
    for (size_t i = 0; i < scan->count; i++) {
        judgement.scanned = &scan->paths[i];
        classify(scan->paths[i].path, &judgement.path);
        if (!judges[judgement.path.kind](&judgement) && check != CHECK_NOTHING)
            return false;
    }
    if (check == CHECK_NOTHING)
        verdict->message[0] = '\0';
    return true;
}

bool subject_check_stored_chains(const DomainScan *scan, const Subject *subject, Verdict *verdict)
{
    static StorePath path;
    char canonical[PATH_MAX];
    for (size_t i = 0; i < scan->count; i++) {
        const ScannedPath *scanned = &scan->paths[i];
        if (!scanned->has_chain && !scanned->has_empty_chain)
            continue;
        classify(scanned->path, &path);
        if (path.kind != STORE_PATH_HEAD || !canonical_path(scanned->path, canonical))
            continue;
        if (scanned->has_chain || image_has_backing(canonical))
            return refuse_stored_chain(verdict, subject->machines[0].name);
    }
    return true;
}
