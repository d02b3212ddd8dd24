/*
 * The claims port: files that the hook writes, or a table for tests.
 *
 * A claim that cannot be read counts as claimed: settling a machine that might be starting is the
 * one mistake that silently corrupts a guest (invariant 4), and waiting is none.
 */
#include "ports/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ports/checked.h"

ClaimState claims_state(Claims *claims, const char *machine_id)
{
    g_return_val_if_fail(claims != NULL && machine_id != NULL, CLAIM_CLAIMED);
    return claims->state(claims, machine_id);
}

void claims_drop(Claims *claims, const char *machine_id)
{
    g_return_if_fail(claims != NULL && machine_id != NULL);
    g_debug("dropping the claim of machine '%s'", machine_id);
    claims->drop(claims, machine_id);
}

void claims_free(Claims *claims)
{
    if (claims != NULL)
        claims->free(claims);
}

/* --- a directory ------------------------------------------------------------------------------ */

typedef struct {
    Claims claims;
    char *directory;
} DirectoryClaims;

/* NULL where the id could lead out of the directory: there can be no such claim. */
static char *claim_path(Claims *claims, const char *machine_id)
{
    if (!port_id_is_safe(machine_id))
        return NULL;
    return g_build_filename(((DirectoryClaims *)claims)->directory, machine_id, NULL);
}

/* What the hook writes. An empty or unknown text is a claim that is being written. */
static const struct {
    const char *text;
    ClaimState state;
} claim_texts[] = {
    {"claimed", CLAIM_CLAIMED},
    {"started", CLAIM_STARTED},
    {"refused", CLAIM_REFUSED},
};

static ClaimState read_claim(int fd)
{
    char text[16] = "";
    gssize length = read(fd, text, sizeof text - 1);
    for (guint i = 0; length > 0 && i < G_N_ELEMENTS(claim_texts); i++)
        if (g_str_has_prefix(text, claim_texts[i].text))
            return claim_texts[i].state;
    return CLAIM_CLAIMED;
}

static ClaimState directory_state(Claims *claims, const char *machine_id)
{
    g_autofree char *path = claim_path(claims, machine_id);
    if (path == NULL)
        return CLAIM_NONE;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? CLAIM_NONE : CLAIM_CLAIMED;
    ClaimState state = read_claim(fd);
    close(fd);
    return state;
}

static void directory_drop(Claims *claims, const char *machine_id)
{
    g_autofree char *path = claim_path(claims, machine_id);
    if (path != NULL && unlink(path) != 0 && errno != ENOENT)
        g_warning("cannot remove the claim '%s': %s", path, g_strerror(errno));
}

static void directory_free(Claims *claims)
{
    DirectoryClaims *directory = (DirectoryClaims *)claims;
    g_free(directory->directory);
    g_free(directory);
}

Claims *claims_new_directory(const char *directory)
{
    DirectoryClaims *claims = g_new0(DirectoryClaims, 1);
    claims->claims = (Claims){directory_state, directory_drop, directory_free};
    claims->directory = g_strdup(directory);
    return &claims->claims;
}

/* --- memory ----------------------------------------------------------------------------------- */

typedef struct {
    Claims claims;
    GMutex lock;
    GHashTable *states; /* id -> ClaimState; under lock */
} MemoryClaims;

static ClaimState memory_state(Claims *claims, const char *machine_id)
{
    MemoryClaims *memory = (MemoryClaims *)claims;
    g_mutex_lock(&memory->lock);
    ClaimState state = (ClaimState)GPOINTER_TO_INT(g_hash_table_lookup(memory->states, machine_id));
    g_mutex_unlock(&memory->lock);
    return state;
}

static void memory_drop(Claims *claims, const char *machine_id)
{
    claims_memory_set(claims, machine_id, CLAIM_NONE);
}

static void memory_free(Claims *claims)
{
    MemoryClaims *memory = (MemoryClaims *)claims;
    g_hash_table_unref(memory->states);
    g_mutex_clear(&memory->lock);
    g_free(memory);
}

Claims *claims_new_memory(void)
{
    MemoryClaims *memory = g_new0(MemoryClaims, 1);
    memory->claims = (Claims){memory_state, memory_drop, memory_free};
    memory->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&memory->lock);
    return &memory->claims;
}

void claims_memory_set(Claims *claims, const char *machine_id, ClaimState state)
{
    g_return_if_fail(claims != NULL && claims->state == memory_state && machine_id != NULL);
    MemoryClaims *memory = (MemoryClaims *)claims;
    g_mutex_lock(&memory->lock);
    if (state == CLAIM_NONE)
        g_hash_table_remove(memory->states, machine_id);
    else
        g_hash_table_replace(memory->states, g_strdup(machine_id), GINT_TO_POINTER((int)state));
    g_mutex_unlock(&memory->lock);
}
