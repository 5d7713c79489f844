/* SPDX-License-Identifier: MIT */
/* The parts of the EJBCA backend that need no EJBCA: faults, circuit breaker, doubts, turns,
 * and the parser of answers. The whole: tests/interop/ejbca. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/ca/ejbca/answer.h"
#include "oem-server/ca/ejbca/breaker.h"
#include "oem-server/ca/ejbca/doubt.h"
#include "oem-server/ca/ejbca/fault.h"
#include "oem-server/ca/ejbca/turn.h"
#include "oem-server/ca/ssl.h"

static struct span text_span(const char *text)
{
    return span_of(text, strlen(text));
}

/* --- Faults. --- */

static const struct {
    long status;
    const char *text;
    enum ejbca_fault fault;
    enum err err;
    const char *says, *advises;
} answers[] = {
    { 400, "CA Test CA is offline", FAULT_CA_OFFLINE, ERR_PRECONDITION, "CA is offline",
      "activate" },
    { 400, "CryptoToken 'x' is off-line.", FAULT_TOKEN_OFFLINE, ERR_PRECONDITION, "HSM",
      "token" },
    { 503, "Device was unavailable.", FAULT_TOKEN_OFFLINE, ERR_UNAVAILABLE, "HSM", "activate" },
    { 400, "Single transaction enrollment request rejected since approvals are enabled",
      FAULT_APPROVAL, ERR_PRECONDITION, "approval", "two_person" },
    { 202, "", FAULT_APPROVAL, ERR_PRECONDITION, "approval", "approvals off" },
    { 400, "Certificate profile with name A doesn't exist.", FAULT_NO_PROFILE, ERR_PRECONDITION,
      "profile", "_profile" },
    { 400, "CA with name A doesn't exist.", FAULT_NO_CA, ERR_PRECONDITION, "CA", "not its DN" },
    { 400, "User 'a' is not allowed to use same key as the user(s) 'b'", FAULT_SAME_KEY,
      ERR_PRECONDITION, "key is another", "share" },
    { 400, "anything", FAULT_REFUSED, ERR_PRECONDITION, "refused", "ca check" },
    { 403, "not authorized to resource /administrator", FAULT_FORBIDDEN, ERR_PRECONDITION,
      "may not", "role" },
    { 403, "no client certificate or OAuth token received", FAULT_NO_CERTIFICATE,
      ERR_PRECONDITION, "no client certificate", "proxy" },
    { 404,
      "RESTEASY003210: Could not find resource for full path: https://h/v1/cryptotoken/t/x",
      FAULT_ENTERPRISE, ERR_PRECONDITION, "edition", "keys = hsm" },
    { 404, "RESTEASY003210: Could not find resource for full path: https://h/v1/certificate/x",
      FAULT_DISABLED, ERR_PRECONDITION, "nothing at this address", "enable" },
    { 422, "Illegal validity", FAULT_REFUSED, ERR_PRECONDITION, "refused", "ca check" },
    { 500, "General failure.", FAULT_SERVER, ERR_UNAVAILABLE, "failed", "log" },
    { 302, "", FAULT_REDIRECTED, ERR_PRECONDITION, "redirects", "url" },
};

static void each_answer_has_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        enum ejbca_fault fault = fault_of(answers[i].status, answers[i].text);
        assert_int_equal(fault, answers[i].fault);
        assert_int_equal(fault_fail(fault, answers[i].status, answers[i].text), answers[i].err);
        assert_non_null(strstr(fail_words(), answers[i].says));
        assert_non_null(strstr(fail_words(), answers[i].advises));
        assert_non_null(strstr(fail_words(), answers[i].text));
    }
    assert_int_equal(fault_of(200, ""), FAULT_NONE);
    assert_int_equal(fault_of(201, ""), FAULT_NONE);
}

/* Two faults that people read as the same would be one. */
static void no_two_faults_are_told_alike(void **state)
{
    (void)state;
    for (enum ejbca_fault a = FAULT_UNREACHABLE; a < FAULTS; a++) {
        assert_true(strlen(fault_message(a)) > 0);
        assert_true(a == FAULT_CONFLICT || strlen(fault_advice(a)) > 0);
        for (enum ejbca_fault b = a + 1; b < FAULTS; b++) {
            assert_string_not_equal(fault_message(a), fault_message(b));
            assert_string_not_equal(fault_advice(a), fault_advice(b));
        }
    }
}

/* The text of a 400 decides nothing: all of them may have been done, and none is an outage. */
static void a_400_is_for_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        if (answers[i].status != 400)
            continue;
        enum ejbca_fault fault = fault_of(400, answers[i].text);
        assert_true(fault_is_doubtful(fault));
        assert_false(fault_is_outage(fault, 400));
    }
    assert_false(fault_is_doubtful(FAULT_UNREACHABLE));
    assert_false(fault_is_doubtful(FAULT_OPEN));
    assert_true(fault_is_doubtful(FAULT_LOST));
    assert_true(fault_is_doubtful(FAULT_SLOW));
    assert_true(fault_is_outage(FAULT_SLOW, 0));
    assert_true(fault_is_outage(FAULT_UNREACHABLE, 0));
    assert_true(fault_is_outage(FAULT_TOKEN_OFFLINE, 503));
}

/* --- The circuit breaker. --- */

static void fail_once(struct breaker *b, uint64_t now_ms)
{
    uint64_t left = 0;
    enum breaker_answer gate = breaker_enter(b, now_ms, &left);
    assert_true(gate == BREAKER_PASS || gate == BREAKER_PROBE);
    breaker_leave(b, now_ms, gate == BREAKER_PROBE, "it failed");
}

static void it_opens_and_probes(void **state)
{
    (void)state;
    struct breaker b;
    uint64_t left = 0;
    breaker_init(&b);
    for (int i = 0; i < BREAKER_FAILURES; i++)
        fail_once(&b, 1000);
    assert_int_equal(breaker_enter(&b, 1000, &left), BREAKER_REFUSED);
    assert_int_equal(left, BREAKER_FIRST_MS);
    assert_string_equal(breaker_last(&b), "it failed");
    assert_int_equal(breaker_enter(&b, 1000 + BREAKER_FIRST_MS, &left), BREAKER_PROBE);
    assert_int_equal(breaker_enter(&b, 1000 + BREAKER_FIRST_MS, &left), BREAKER_REFUSED);
    breaker_leave(&b, 1000 + BREAKER_FIRST_MS, true, "again");
    assert_int_equal(breaker_enter(&b, 1000 + 2 * BREAKER_FIRST_MS, &left), BREAKER_REFUSED);
    assert_int_equal(left, BREAKER_FIRST_MS); /* of twice the time, half is over */
    assert_int_equal(breaker_enter(&b, 1000 + 3 * BREAKER_FIRST_MS, &left), BREAKER_PROBE);
    breaker_leave(&b, 1000 + 3 * BREAKER_FIRST_MS, true, NULL);
    assert_int_equal(breaker_enter(&b, 1000 + 3 * BREAKER_FIRST_MS, &left), BREAKER_PASS);
    breaker_leave(&b, 1000, false, NULL);
    breaker_fini(&b);
}

static void the_wait_has_an_end(void **state)
{
    (void)state;
    struct breaker b;
    uint64_t now = 1000, left = 0;
    breaker_init(&b);
    for (int i = 0; i < BREAKER_FAILURES; i++)
        fail_once(&b, now);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(breaker_enter(&b, now, &left), BREAKER_REFUSED);
        assert_true(left <= BREAKER_LONGEST_MS);
        now += left;
        fail_once(&b, now);
    }
    breaker_fini(&b);
}

/* One that was under way when it opened ends late: it is no probe. */
static void a_late_failure_does_not_prolong(void **state)
{
    (void)state;
    struct breaker b;
    uint64_t left = 0;
    breaker_init(&b);
    assert_int_equal(breaker_enter(&b, 1000, &left), BREAKER_PASS);
    for (int i = 0; i < BREAKER_FAILURES; i++)
        fail_once(&b, 1000);
    breaker_leave(&b, 3000, false, "late");
    assert_int_equal(breaker_enter(&b, 3000, &left), BREAKER_REFUSED);
    assert_int_equal(left, BREAKER_FIRST_MS - 2000);
    breaker_fini(&b);
}

static void calls_under_way_are_limited(void **state)
{
    (void)state;
    struct breaker b;
    uint64_t left = 0;
    breaker_init(&b);
    for (int i = 0; i < BREAKER_CALLS_MAX; i++)
        assert_int_equal(breaker_enter(&b, 1000, &left), BREAKER_PASS);
    assert_int_equal(breaker_enter(&b, 1000, &left), BREAKER_CROWDED);
    breaker_leave(&b, 1000, false, NULL);
    assert_int_equal(breaker_enter(&b, 1000, &left), BREAKER_PASS);
    breaker_fini(&b);
}

/* --- Doubts. --- */

static void a_doubt_has_its_time(void **state)
{
    (void)state;
    static struct doubts doubts;
    struct doubt taken = { 0 };
    doubts_init(&doubts);
    doubt_put(&doubts, "a", 2000, span_of("", 0));
    assert_int_equal(doubt_left_ms(&doubts, "a", 1500), 500);
    assert_int_equal(doubt_left_ms(&doubts, "b", 1500), 0);
    assert_false(doubts_any(&doubts, 1500));
    doubt_put(&doubts, "a", 1800, text_span("stands")); /* the later time counts */
    assert_int_equal(doubt_left_ms(&doubts, "a", 1500), 500);
    assert_true(doubts_any(&doubts, 2000));
    assert_true(doubt_take(&doubts, 2000, &taken));
    assert_string_equal(taken.user, "a");
    assert_true(span_eq(buf_span(&taken.stands), text_span("stands")));
    buf_free(&taken.stands);
    assert_false(doubt_take(&doubts, 9000, &taken));
    doubts_fini(&doubts);
}

static void doubts_are_limited(void **state)
{
    (void)state;
    static struct doubts doubts;
    char user[20];
    doubts_init(&doubts);
    for (int i = 0; i <= DOUBTS_MAX; i++) {
        snprintf(user, sizeof(user), "user-%d", i);
        doubt_put(&doubts, user, 2000 + (uint64_t)i, text_span("stands"));
    }
    assert_int_equal(doubt_left_ms(&doubts, "user-0", 1000), 0); /* the oldest went */
    assert_int_equal(doubt_left_ms(&doubts, "user-1", 1000), 1001);
    assert_int_equal(doubt_left_ms(&doubts, user, 1000), 1000 + DOUBTS_MAX);
    doubts_fini(&doubts);
}

/* --- Turns. --- */

struct other {
    struct turns *turns;
    bool got;
};

static void *take_other(void *context)
{
    struct other *other = context;
    other->got = turn_take(other->turns, "a", 60000);
    return NULL;
}

static void one_after_the_other(void **state)
{
    (void)state;
    struct turns turns;
    struct other other = { &turns, false };
    static const char first[] = "a";
    pthread_t thread;
    turns_init(&turns);
    assert_true(turn_take(&turns, first, 1000));
    assert_false(turn_take(&turns, "a", 1)); /* not while the first has it */
    assert_true(turn_take(&turns, "b", 1));
    assert_int_equal(pthread_create(&thread, NULL, take_other, &other), 0);
    turn_leave(&turns, first);
    pthread_join(thread, NULL);
    assert_true(other.got);
    turns_fini(&turns);
}

/* --- Answers. --- */

static struct buf file_of(const char *name)
{
    struct buf bytes = { 0 };
    char path[300], piece[1000];
    size_t len;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/ejbca/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
        assert_int_equal(buf_append(&bytes, span_of(piece, len)), ERR_OK);
    fclose(file);
    return bytes;
}

static void certificates_of_each_version(void **state)
{
    (void)state;
    static const char *const one[] = { "enrolled", "pem" }, *const many[] = { "found-two",
                                                                              "found-7.11" };
    static const size_t counts[] = { 2, 1 };
    for (size_t i = 0; i < COUNT(one); i++) {
        AUTO(buf_free) struct buf body = file_of(one[i]);
        AUTO(ssl_certificate_drop) X509 *certificate = NULL;
        assert_int_equal(answer_certificate(buf_span(&body), &certificate), ERR_OK);
        assert_non_null(certificate);
    }
    for (size_t i = 0; i < COUNT(many); i++) {
        AUTO(buf_free) struct buf body = file_of(many[i]);
        AUTO(answer_found_free) struct answer_found found = { 0 };
        assert_int_equal(answer_search(buf_span(&body), &found), ERR_OK);
        assert_int_equal(found.count, counts[i]);
        assert_false(found.more);
    }
}

static const char *const no_certificates[] = {
    "",
    "[]",
    "null",
    "{}",
    "{\"certificate\":1}",
    "{\"certificate\":\"\"}",
    "{\"certificate\":\"!!!!\"}",
    "{\"certificate\":\"MIIB\"}",
    "{\"certificate\":\"MIIB\",\"certificate\":\"MIIB\"}",
    "{\"certificate\":\"LS0tLS1CRUdJTg==\"}",
    "{\"certificate\":\"=\"}",
    "<html></html>",
};

static void what_is_no_certificate(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(no_certificates); i++) {
        X509 *certificate = NULL;
        assert_int_equal(answer_certificate(text_span(no_certificates[i]), &certificate),
                         ERR_PROTO);
        assert_null(certificate);
    }
    AUTO(buf_free) struct buf long_body = { 0 };
    X509 *certificate = NULL;
    assert_int_equal(buf_resize(&long_body, ANSWER_MAX + 1), ERR_OK);
    memset(long_body.ptr, ' ', long_body.len);
    long_body.ptr[0] = '{';
    assert_int_equal(answer_certificate(buf_span(&long_body), &certificate), ERR_PROTO);
}

static void texts_are_cleaned(void **state)
{
    (void)state;
    char text[ANSWER_TEXT_MAX];
    bool revoked = true;
    answer_text(text_span("{\"error_message\":\"a\\u001b[31mb\"}"), text);
    assert_string_equal(text, "a?[31mb");
    answer_text(text_span("<html>\x1b"), text);
    assert_string_equal(text, "<html>?");
    answer_text(text_span(""), text);
    assert_string_equal(text, "");
    assert_int_equal(answer_revoked(text_span("{\"revoked\":\"yes\"}"), &revoked), ERR_PROTO);
    assert_int_equal(answer_revoked(text_span("{\"revoked\":false}"), &revoked), ERR_OK);
    assert_false(revoked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_its_words),
        cmocka_unit_test(no_two_faults_are_told_alike),
        cmocka_unit_test(a_400_is_for_people),
        cmocka_unit_test(it_opens_and_probes),
        cmocka_unit_test(the_wait_has_an_end),
        cmocka_unit_test(a_late_failure_does_not_prolong),
        cmocka_unit_test(calls_under_way_are_limited),
        cmocka_unit_test(a_doubt_has_its_time),
        cmocka_unit_test(doubts_are_limited),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(certificates_of_each_version),
        cmocka_unit_test(what_is_no_certificate),
        cmocka_unit_test(texts_are_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
