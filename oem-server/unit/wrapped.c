/* SPDX-License-Identifier: MIT */
/*
 * Wrapped keys. They are not facts: each may be replaced under another KEK or destroyed, each
 * time with a note. Called when keys are agreed, committed, released and rewrapped. It must
 * never hold a key in the clear.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

static void shared_id(const struct unit *unit, const char *run_hex, char id[static KEY_ID_SIZE])
{
    char hex[UID_HEX_SIZE];
    snprintf(id, KEY_ID_SIZE, "shared/%s/%u/%s", hex_of(SPAN(unit->uid), hex), unit->gen,
             run_hex);
}

static void shared_id_run(const struct unit *unit, const uint8_t run_id[static RUN_ID_SIZE],
                          char id[static KEY_ID_SIZE])
{
    char hex[2 * RUN_ID_SIZE + 1];
    shared_id(unit, hex_of(span_of(run_id, RUN_ID_SIZE), hex), id);
}

static enum err wrapped_add(struct store_tx *tx, const char *id, const char *kek,
                            struct span blob)
{
    return row_add(tx, ROW_WRAPPED, VALUES(value_text(id), value_text(kek), value_span(blob)));
}

static enum err wrapped_destroy(struct store_tx *tx, const char *id)
{
    return row_write(tx, ROW_WRAPPED, VALUES_ONLY(value_text(id)), STATEMENT_WRAPPED_DELETE,
                     VALUES(value_text(id)), NULL);
}

enum err wrapped_shared_put(struct store_tx *tx, const struct unit *unit,
                            const uint8_t run_id[static RUN_ID_SIZE], const char *kek,
                            struct span blob)
{
    char id[KEY_ID_SIZE];
    shared_id_run(unit, run_id, id);
    return wrapped_add(tx, id, kek, blob);
}

enum err wrapped_shared_destroy_one(struct store_tx *tx, const struct unit *unit,
                                    const uint8_t run_id[static RUN_ID_SIZE])
{
    char id[KEY_ID_SIZE];
    shared_id_run(unit, run_id, id);
    return wrapped_destroy(tx, id);
}

/* Finds the first of a generation after id that is not keep's; "" if there is none. '0' follows
 * '/'. */
static enum err shared_next(struct store_tx *tx, const char *from, const char *below,
                            char next_out[static KEY_ID_SIZE])
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    next_out[0] = '\0';
    TRY(query_open(tx, STATEMENT_WRAPPED_UNDER,
                   VALUES(value_text(from), value_text(below), value_number(1)), &query));
    TRY(query_next(&query, &row));
    if (row)
        query_chars(&query, next_out, KEY_ID_SIZE);
    return query_end(&query);
}

enum err wrapped_shared_destroy(struct store_tx *tx, const struct unit *unit,
                                const uint8_t *keep)
{
    char from[KEY_ID_SIZE], below[KEY_ID_SIZE], next[KEY_ID_SIZE], kept[KEY_ID_SIZE] = "";
    shared_id(unit, "", from);
    shared_id(unit, "", below);
    below[strlen(below) - 1] = '0';
    if (keep != NULL)
        shared_id_run(unit, keep, kept);
    for (;;) {
        TRY(shared_next(tx, from, below, next));
        if (next[0] == '\0')
            return ERR_OK;
        if (strcmp(next, kept) != 0)
            TRY(wrapped_destroy(tx, next));
        snprintf(from, sizeof(from), "%.158s!",
                 next); /* '!' sorts before the characters of an id */
    }
}

/* From its commit on, a unit has one. */
enum err unit_shared_key(struct store_tx *tx, const uint8_t uid[static UID_SIZE],
                         struct unit *unit_out, struct buf *wrapped_out)
{
    char from[KEY_ID_SIZE], below[KEY_ID_SIZE], id[KEY_ID_SIZE], kek[65], hex[UID_HEX_SIZE];
    bool revoked = false;
    TRY(unit_must(tx, uid, unit_out));
    hex_of(SPAN(unit_out->uid), hex);
    if (unit_out->state != UNIT_SEALED)
        return fail_quiet(ERR_PRECONDITION, "unit %s is %s, not sealed", hex,
                          unit_state_name(unit_out->state));
    if (unit_out->held[0] != '\0')
        return fail_quiet(ERR_HELD, "unit %s is held: %s", hex, unit_out->held);
    TRY(fact_revoked(tx, unit_out, &revoked));
    if (revoked)
        return fail_quiet(ERR_PRECONDITION, "unit %s: its certificate is revoked", hex);
    shared_id(unit_out, "", from);
    shared_id(unit_out, "", below);
    below[strlen(below) - 1] = '0';
    TRY(shared_next(tx, from, below, id));
    return id[0] == '\0' ? fail_quiet(ERR_NOT_FOUND, "unit %s has no AES_NuLink3 here", hex)
                         : unit_wrapped_get(tx, id, kek, wrapped_out);
}

static void boot_id(const char *scope, char id[static KEY_ID_SIZE])
{
    snprintf(id, KEY_ID_SIZE, "boot/%.150s", scope);
}

enum err unit_boot_key_put(struct store_tx *tx, const char *scope, const char *kek,
                           struct span wrapped, const uint8_t rotpk[static ROTPK_SIZE])
{
    char id[KEY_ID_SIZE];
    boot_id(scope, id);
    TRY(row_add(tx, ROW_BOOT_KEY, VALUES(value_text(scope), value_bytes(rotpk, ROTPK_SIZE))));
    return wrapped_add(tx, id, kek, wrapped);
}

enum err unit_boot_key_get(struct store_tx *tx, const char *scope, struct buf *wrapped_out,
                           uint8_t rotpk_out[static ROTPK_SIZE])
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_BOOT_KEY_GET, VALUES(value_text(scope)), &query));
    TRY(query_one(&query));
    query_bytes(&query, rotpk_out, ROTPK_SIZE);
    query_buf(&query, wrapped_out);
    return query_end(&query);
}

enum err unit_boot_certificate(struct store_tx *tx, const char *scope,
                               struct buf *certificate_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_BOOT_CERTIFICATE_GET, VALUES(value_text(scope)), &query));
    TRY(query_one(&query));
    query_buf(&query, certificate_out);
    return query_end(&query);
}

enum err unit_boot_certify(struct store_tx *tx, const char *scope, struct span certificate,
                           struct buf *certificate_out)
{
    enum err added =
        row_add(tx, ROW_BOOT_CERTIFICATE, VALUES(value_text(scope), value_span(certificate)));
    if (added != ERR_OK && added != ERR_EXISTS)
        return added;
    return unit_boot_certificate(tx, scope, certificate_out);
}

enum err unit_wrapped_get(struct store_tx *tx, const char *id, char kek_out[static 65],
                          struct buf *wrapped_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_WRAPPED_GET, VALUES(value_text(id)), &query));
    TRY(query_one(&query));
    query_name(&query, kek_out);
    query_buf(&query, wrapped_out);
    return query_end(&query);
}

enum err unit_wrapped_replace(struct store_tx *tx, const char *id, const char *kek,
                              struct span wrapped)
{
    uint64_t changed = 0;
    TRY(row_write(tx, ROW_WRAPPED, VALUES_ONLY(value_text(id)), STATEMENT_WRAPPED_SET,
                  VALUES(value_text(id), value_text(kek), value_span(wrapped)), &changed));
    return changed == 0 ? fail_quiet(ERR_NOT_FOUND, "there is no wrapped key %s", id) : ERR_OK;
}

enum err unit_wrapped_next(struct store_tx *tx, const char *after, char id_out[static 160],
                           char kek_out[static 65])
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_WRAPPED_PAGE, VALUES(value_text(after), value_number(1)),
                   &query));
    TRY(query_one(&query));
    query_chars(&query, id_out, KEY_ID_SIZE);
    query_name(&query, kek_out);
    return query_end(&query);
}
