/* SPDX-License-Identifier: MIT */
/*
 * The state of a site's board in one run. Called by the files of this folder and by site/. A
 * unit that ends must leave no secret and no buffer behind.
 */

#include "station-agent/api/api.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/link/link.h"

static void pair_fini(struct certificate_pair *pair)
{
    buf_free(&pair->certificate);
    buf_free(&pair->issuer);
}

void unit_fini(struct unit *unit)
{
    link_close(unit->link);
    pair_fini(&unit->web_server);
    pair_fini(&unit->device);
    buf_free(&unit->subject);
    buf_free(&unit->cri);
    buf_free(&unit->csr);
    buf_free(&unit->firmware_brought);
    *unit = (struct unit){ 0 };
}

bool unit_has_run(const struct unit *unit)
{
    static const uint8_t none[RUN_ID_SIZE] = { 0 };
    return memcmp(unit->run_id, none, RUN_ID_SIZE) != 0;
}

void unit_leave_run(struct unit *unit)
{
    memset(unit->run_id, 0, sizeof(unit->run_id));
    memset(unit->server_nonce, 0, sizeof(unit->server_nonce));
}

void unit_say(struct unit *unit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(unit->detail, sizeof(unit->detail), format, args);
    va_end(args);
}

/* Eight digits are enough for people to tell two digests apart; the log has all of them. */
void unit_say_digest(struct unit *unit, const char *what, const uint8_t *sha256)
{
    unit_say(unit, "%s %02x%02x%02x%02x", what, sha256[0], sha256[1], sha256[2], sha256[3]);
}

enum err unit_field(ProtobufCBinaryData field, const char *what, uint8_t *out, size_t len)
{
    if (field.len != len)
        return fail_quiet(ERR_INVALID, "%s has %zu bytes, not %zu", what, field.len, len);
    memcpy(out, field.data, len);
    return ERR_OK;
}
