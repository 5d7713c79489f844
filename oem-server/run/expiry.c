/* SPDX-License-Identifier: MIT */
/*
 * expiry: finds certificates that end soon and enters them. Called at the server's start and by
 * the sweep, on a worker. It must not tell of a revoked principal, which nobody misses.
 */
#include "oem-server/run/expiry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/validity.h"

enum {
    EXPIRY_LOOK_MS = 60000,
    EXPIRY_READ_MS = 5000,
    DAY_S = 86400,
    WORDS_MAX = 500,
    PRINCIPALS_PAGE = 500
};

#define DAY_US (INT64_C(86400) * 1000000)

/* A list under construction: the soonest SERVER_EXPIRING_MAX, in order, and how many there are.
 */
struct looking {
    struct server *server;
    int64_t now_s;
    struct server_expiring list[SERVER_EXPIRING_MAX];
    unsigned kept, count;
    bool told; /* within the last day */
};

static void keep(struct looking *l, const struct server_expiring *one)
{
    unsigned at = l->kept;
    l->count++;
    while (at > 0 && l->list[at - 1].not_after > one->not_after)
        at--;
    if (at == SERVER_EXPIRING_MAX)
        return;
    unsigned last = l->kept < SERVER_EXPIRING_MAX ? l->kept++ : SERVER_EXPIRING_MAX - 1;
    memmove(&l->list[at + 1], &l->list[at], (last - at) * sizeof(l->list[0]));
    l->list[at] = *one;
}

static enum err look_at(struct looking *l, const char *kind, const char *name, struct span der)
{
    struct server_expiring one = { 0 };
    struct validity validity;
    if (validity_of_der(der, &validity) != ERR_OK)
        return fail(ERR_DATA_LOSS, "expiry: %s %s: %s", kind, name, fail_words());
    if (validity.not_after - l->now_s > (int64_t)EXPIRY_DAYS * DAY_S)
        return ERR_OK;
    one.not_after = validity.not_after;
    snprintf(one.kind, sizeof(one.kind), "%s", kind);
    snprintf(one.name, sizeof(one.name), "%s", name);
    keep(l, &one);
    return ERR_OK;
}

static enum err look_at_principal(struct looking *l, struct store_tx *tx,
                                  const struct store_principal *one, enum auth_role role)
{
    AUTO(store_registration_free) struct store_registration kept = { 0 };
    enum err e =
        one->revoked ? ERR_NOT_FOUND : store_registration_get(tx, one->role, one->name, &kept);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    return look_at(l, auth_role_name(role), one->name, buf_span(&kept.certificate));
}

/* A page after that name, which becomes its last. */
static enum err look_at_page(struct looking *l, struct store_tx *tx, enum auth_role role,
                             char after[static 65], bool *more_out)
{
    AUTO(free_drop) struct store_principal *page = NULL;
    const struct store_principal_filter filter = { .role = auth_role_number(role),
                                                   .after = after,
                                                   .limit = PRINCIPALS_PAGE };
    size_t count = 0;
    TRY(store_principal_list(tx, &filter, &page, &count, more_out));
    for (size_t i = 0; i < count; i++)
        TRY(look_at_principal(l, tx, &page[i], role));
    if (count > 0)
        snprintf(after, 65, "%s", page[count - 1].name);
    return ERR_OK;
}

static enum err look_at_principals(struct looking *l, struct store_tx *tx, enum auth_role role)
{
    char after[65] = "";
    bool more = true;
    while (more)
        TRY(look_at_page(l, tx, role, after, &more));
    return ERR_OK;
}

static enum err was_told(void *context, uint64_t index, struct span entry)
{
    (void)index, (void)entry;
    *(bool *)context = true;
    return ERR_OK;
}

static enum err look(struct store_tx *tx, void *context)
{
    struct looking *l = context;
    const struct ca *ca = l->server->ca;
    const struct store_log_search search = { .kind = "expiry",
                                             .time_us = store_now_us(tx) - DAY_US,
                                             .until_us =
                                                 store_now_us(tx) + TLOG_CLOCK_STEP_US };
    l->kept = l->count = 0;
    l->told = false;
    l->now_s = store_now_us(tx) / 1000000;
    TRY(look_at(l, "root", "", ca_root(ca)));
    TRY(look_at(l, "issuing", "", ca_issuing(ca)));
    TRY(look_at(l, "web server", "", ca_web_server(ca)));
    TRY(look_at_principals(l, tx, AUTH_STATION));
    TRY(look_at_principals(l, tx, AUTH_OPERATOR));
    TRY(look_at_principals(l, tx, AUTH_AUDITOR));
    TRY(look_at_principals(l, tx, AUTH_SERVICE));
    return store_log_find(tx, &search, 0, 1, was_told, &l->told);
}

static enum err look_and_keep(struct looking *l)
{
    struct server *server = l->server;
    TRY(store_read(server->store, look, l, rpc_now_ms() + EXPIRY_READ_MS));
    pthread_mutex_lock(&server->lock);
    memcpy(server->expiring, l->list, l->kept * sizeof(l->list[0]));
    server->expiring_kept = l->kept;
    server->expiring_count = l->count;
    pthread_mutex_unlock(&server->lock);
    return ERR_OK;
}

enum err expiry_look(struct server *server)
{
    AUTO(free_drop) struct looking *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return fail(ERR_MEMORY, "expiry: no memory");
    l->server = server;
    return look_and_keep(l);
}

/* --- The entry. --------------------------------------------------------------------------- */

static size_t add_words(const struct looking *l, const struct server_expiring *one, char *out,
                        size_t size)
{
    char when[CLOCK_TEXT_SIZE], amount[CLOCK_TEXT_SIZE];
    int64_t left_s = one->not_after - l->now_s;
    clock_text(one->not_after, when);
    clock_amount((uint64_t)(left_s < 0 ? -left_s : left_s), amount);
    int len =
        snprintf(out, size, "%s%s%s %s %s (%s%s%s); ", one->kind,
                 one->name[0] == '\0' ? "" : " ", one->name, left_s < 0 ? "expired" : "expires",
                 when, left_s < 0 ? "" : "in ", amount, left_s < 0 ? " ago" : "");
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* The soonest, as many as there is room for. */
static void words_of(const struct looking *l, char out[static WORDS_MAX])
{
    size_t len = 0, added = 1;
    unsigned told = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < l->kept && added != 0; i++) {
        added = add_words(l, &l->list[i], out + len, WORDS_MAX - 120 - len);
        len += added;
        told += added != 0;
    }
    out[len] = '\0';
    if (told < l->count)
        snprintf(out + len, WORDS_MAX - len, "and %u more; 'oemctl health' lists them",
                 l->count - told);
    else if (len >= 2)
        out[len - 2] = '\0';
}

static enum err enter(struct store_tx *tx, void *context)
{
    struct looking *l = context;
    struct event event;
    char words[WORDS_MAX];
    words_of(l, words);
    event_init(&event, "expiry", "oem-server", ERR_OK, words);
    event.pb.time_us = (uint64_t)store_now_us(tx); /* what look() compares */
    return tlog_append(l->server->log, tx, &event.pb, NULL);
}

enum err expiry_sweep(struct server *server)
{
    uint64_t now_ms = rpc_now_ms();
    if (server->expiring_ms != 0 && now_ms - server->expiring_ms < EXPIRY_LOOK_MS)
        return ERR_OK;
    server->expiring_ms = now_ms;
    AUTO(free_drop) struct looking *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return fail(ERR_MEMORY, "expiry: no memory");
    l->server = server;
    TRY(look_and_keep(l));
    if (l->count == 0 || l->told)
        return ERR_OK;
    char words[WORDS_MAX];
    words_of(l, words);
    log_line(LOG_LEVEL_WARN, "expiry: %s", words);
    return server_do(server, enter, l, 0);
}
