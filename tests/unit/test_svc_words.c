/* SPDX-License-Identifier: MIT */
/* What a peer is told of failures inside the server. */
#include "oem-server/svc/svc.h"
#include "tests/unit/check.h"

static const char hidden[] = "the server failed: see its log";

static void what_fails_inside_stays_inside(void **state)
{
    (void)state;
    static const struct {
        enum err e;
        const char *words, *told;
    } rows[] = {
        { ERR_STORE, "store: /srv/h.db: script: database or disk is full (13)", hidden },
        { ERR_INTERNAL, "runs: no randomness", hidden },
        { ERR_HSM, "hsm: token \"boot\": C_Sign key: CKR_DEVICE_ERROR", hidden },
        { ERR_PIN, "hsm: token \"boot\": the PIN of /etc/pin was refused", hidden },
        { ERR_IO, "/srv/h.db: no such file", hidden },
        { ERR_CONFIG, "hsm: token \"boot\": 2 tokens have this label", hidden },
        { ERR_DATA_LOSS, "store: /srv/h.db: log entry 7 is missing", hidden },
        { ERR_RANGE, "store: LOG_READ: value 1: over 2^63", "out of range" },
        { ERR_BUSY, "hsm: token \"boot\": all 4 sessions were busy", "busy" },
        { ERR_NOT_FOUND, "there is no order 7", "there is no order 7" },
        { ERR_QUOTA, "order 7 is exhausted", "order 7 is exhausted" },
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(svc_words(rows[i].e, rows[i].words), rows[i].told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fails_inside_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
