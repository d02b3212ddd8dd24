/* Identities: plain facts about who asks, and the questions that handlers put to them. */
#include "access/identity.h"

Identity *identity_new_none(void)
{
    Identity *identity = g_new0(Identity, 1);
    identity->ref_count = 1;
    return identity;
}

Identity *identity_new_peer(const char *name)
{
    Identity *identity = identity_new_none();
    identity->kind = IDENTITY_PEER;
    identity->role = ACCOUNT_ADMINISTRATOR;
    identity->name = g_strdup(name);
    return identity;
}

Identity *identity_ref(const Identity *identity)
{
    Identity *shared = (Identity *)identity;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void identity_unref(Identity *identity)
{
    if (!identity || !g_atomic_int_dec_and_test(&identity->ref_count))
        return;
    g_free(identity->name);
    g_free(identity->account_id);
    g_free(identity->session_id);
    g_free(identity->csrf);
    g_clear_pointer(&identity->machines, g_hash_table_unref);
    g_free(identity);
}

gboolean identity_has_role(const Identity *identity, AccountRole least)
{
    return identity->kind != IDENTITY_NONE && identity->role >= least;
}

gboolean identity_is_confined(const Identity *identity)
{
    return !identity_has_role(identity, ACCOUNT_OPERATOR);
}

gboolean identity_sees_machine(const Identity *identity, const char *machine_id)
{
    if (!identity_is_confined(identity))
        return TRUE;
    return machine_id && identity->machines &&
           g_hash_table_contains(identity->machines, machine_id);
}

gboolean identity_has_asked(const Identity *identity, const char *requested_by, gint64 at)
{
    return identity->name && g_strcmp0(identity->name, requested_by) == 0 && at >= identity->since;
}
