/* SPDX-License-Identifier: MIT */
/*
 * units_derive: keys derived from a sealed unit's AES_NuLink3 (common/core/sign.h), for
 * services. AES_NuLink3 itself must never leave the HSM in the clear (test_api_derive). The
 * derived key is given away only when the entry that names service, unit and label is durable,
 * and is in no entry and no stored answer.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/log.h"
#include "oem-server/api/units_change.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"

enum {
    KEY_SIZE_MAX = SIGN_DERIVED_BLOCK * SIGN_DERIVED_BLOCKS_MAX,
    MESSAGE_MAX = 128, /* of the PRF's input */
};

struct deriving {
    struct call *call;
    uint8_t uid[UID_SIZE];
    const char *label;
    uint32_t size;
    struct unit unit;
    struct buf wrapped;
    uint8_t key[SIGN_DERIVED_BLOCKS_MAX][SIGN_DERIVED_BLOCK];
};

static void deriving_drop(struct deriving *d)
{
    OPENSSL_cleanse(d->key, sizeof(d->key));
    buf_free(&d->wrapped);
}

static enum err find(struct store_tx *tx, void *context)
{
    struct deriving *d = context;
    return unit_shared_key(tx, d->uid, &d->unit, &d->wrapped);
}

/* Both blocks, whatever is wanted of them. */
static enum err derive(struct deriving *d)
{
    uint8_t bytes[SIGN_DERIVED_BLOCKS_MAX][MESSAGE_MAX];
    struct span messages[SIGN_DERIVED_BLOCKS_MAX];
    for (uint32_t i = 0; i < SIGN_DERIVED_BLOCKS_MAX; i++) {
        struct wr w = wr_of(bytes[i], sizeof(bytes[i]));
        sign_derived_key(&w, i + 1, d->label, SPAN(d->uid), d->size);
        TRY(wr_end(&w));
        messages[i] = wr_done(&w);
    }
    return hsm_shared_tags(d->call->server->hsm, buf_span(&d->wrapped), messages, d->key,
                           SIGN_DERIVED_BLOCKS_MAX);
}

/* The unit may have been released or scrapped meanwhile. */
static enum err note(struct store_tx *tx, void *context)
{
    struct deriving *d = context;
    AUTO(buf_free) struct buf wrapped = { 0 };
    struct unit now;
    TRY(unit_shared_key(tx, d->uid, &now, &wrapped));
    if (!span_eq(buf_span(&wrapped), buf_span(&d->wrapped)))
        return fail_quiet(ERR_ABORTED, "the unit has another key now: ask again");
    event_text(&d->call->event, EVENT_ORDER, now.order);
    return ERR_OK;
}

static bool label_is_good(const char *label)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t len = strlen(label);
    return label[0] >= 'a' && label[0] <= 'z' && len <= SIGN_DERIVED_LABEL_MAX &&
           strspn(label, allowed) == len;
}

static enum err check(struct deriving *d, const Hallmark__V1__DeriveRequest *in)
{
    char words[SIGN_DERIVED_LABEL_MAX + 64];
    TRY(message_uid(d->call, &in->uid, d->uid));
    if (!label_is_good(in->label))
        return fail_quiet(ERR_INVALID,
                          "the label has 1 to %d of a-z, 0-9, '.', '-' and '_', a letter first",
                          SIGN_DERIVED_LABEL_MAX);
    if (d->size != SIGN_DERIVED_BLOCK && d->size != KEY_SIZE_MAX)
        return fail_quiet(ERR_INVALID, "a derived key has %d or %d bytes", SIGN_DERIVED_BLOCK,
                          KEY_SIZE_MAX);
    snprintf(words, sizeof(words), "a key of %u bytes, label %s", d->size, in->label);
    event_text(&d->call->event, EVENT_MESSAGE, words);
    return ERR_OK;
}

enum err units_derive(struct rpc_call *rpc, const Hallmark__V1__DeriveRequest *in,
                      Hallmark__V1__DeriveResponse *out)
{
    AUTO(deriving_drop)
    struct deriving d = { .call = call_of(rpc),
                          .label = in->label,
                          .size = in->length == 0 ? KEY_SIZE_MAX : in->length };
    TRY(check(&d, in));
    TRY(call_read(d.call, find, &d));
    TRY(derive(&d));
    TRY(rpc_bytes(rpc, &out->key, span_of(d.key, d.size)));
    return call_change(d.call, note, &d, &out->base);
}
