/* SPDX-License-Identifier: MIT */
/* Whole runs: the real engine between a scripted server and scripted boards. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/flow/flow.h"
#include "common/host/log.h"
#include "station-agent/site/site.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_site_fake.h"

enum { LINES_MAX = 160, NOT_KNOWN = 0, SHUT = 1, OPEN = 2 };

static char dir[] = "/tmp/test_site_run.XXXXXX";
static char certificate_file[64], key_file[64], output_file[64], firmware_file[64];

static void write_pem(void)
{
    EVP_PKEY *key;
    X509 *cert =
        certs_make(&(struct certs_spec){ .name = "station", .days = 1 }, NULL, NULL, &key);
    FILE *file = fopen(certificate_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    file = fopen(key_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    assert_int_equal(chmod(key_file, 0600), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    assert_non_null(mkdtemp(dir));
    snprintf(certificate_file, sizeof(certificate_file), "%s/cert.pem", dir);
    snprintf(key_file, sizeof(key_file), "%s/key.pem", dir);
    snprintf(output_file, sizeof(output_file), "%s/out", dir);
    snprintf(firmware_file, sizeof(firmware_file), "%s/firmware", dir);
    write_pem();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    unlink(output_file);
    unlink(firmware_file);
    return rmdir(dir);
}

static struct site_plan plan_of(const char *const *probes, size_t count)
{
    return (struct site_plan){
        .host = "localhost",
        .port = 1,
        .ca_file = certificate_file,
        .certificate_file = certificate_file,
        .key_file = key_file,
        .order = "order-1",
        .probes = probes,
        .probe_count = count,
        .json = true,
    };
}

/* Both outputs go to a file, for the time of the call. */
static enum err run_captured(const struct site_plan *plan, size_t *failed)
{
    fflush(stdout);
    fflush(stderr);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    int file = open(output_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(out >= 0 && err >= 0 && file >= 0);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    enum err e = sites_run(plan, failed);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(file);
    return e;
}

static enum err run_one(enum fault fault)
{
    static const char *const probes[] = { "tcp://bench:1" };
    struct site_plan plan = plan_of(probes, 1);
    size_t failed;
    scene_begin(fault);
    enum err e = run_captured(&plan, &failed);
    assert_int_equal(failed, e == ERR_OK ? 0 : 1);
    assert_int_equal(scene.boards_opened, scene.boards_closed);
    return e;
}

/* The JSON lines of the latest run; the caller's to json_decref. */
static json_t *output(void)
{
    char line[2048];
    json_t *all = json_array();
    FILE *file = fopen(output_file, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        if (line[0] == '{')
            assert_int_equal(json_array_append_new(all, json_loads(line, 0, NULL)), 0);
    fclose(file);
    return all;
}

static const char *text_of(const json_t *lines, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(lines, i), key));
}

static json_int_t number_of(const json_t *lines, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(lines, i), key));
}

static void every_arrow_is_told(void **state)
{
    (void)state;
    assert_int_equal(run_one(FAULT_NONE), ERR_OK);
    json_t *lines = output();
    size_t line = 0;
    for (unsigned arrow = 3; arrow <= FLOW_ARROWS; arrow++) {
        const struct flow_row *row = flow_row((uint8_t)arrow);
        if (!flow_sees(FLOW_AGENT, row))
            continue;
        char method[64];
        snprintf(method, sizeof(method), "%s.%s", row->service, row->method);
        assert_int_equal(number_of(lines, line, "arrow"), arrow);
        assert_string_equal(text_of(lines, line, "method"), method);
        assert_int_equal(text_of(lines, line, "from")[0], flow_letter(row->tail));
        assert_int_equal(text_of(lines, line, "to")[0], flow_letter(row->head));
        assert_string_equal(text_of(lines, line, "site"), "bench:1");
        assert_int_equal(number_of(lines, line, "status"), 0);
        line++;
    }
    assert_int_equal(json_array_size(lines), line + 1);
    assert_string_equal(text_of(lines, line, "result"), "sealed");
    assert_string_equal(text_of(lines, line, "uid"), "313131313131313131313131");
    json_decref(lines);
    assert_true(scene.sealed && scene.debug_port == SHUT && scene.firmware_ok);
    assert_string_equal(scene.sealed_detail, "SRAM is refused");
}

static void the_server_hears_of_what_it_cannot_see(void **state)
{
    (void)state;
    assert_int_equal(run_one(FAULT_NONE), ERR_OK);
    size_t seen = 0;
    for (unsigned arrow = 3; arrow <= FLOW_ARROWS; arrow++) {
        const struct flow_row *row = flow_row((uint8_t)arrow);
        bool hidden = !flow_sees(FLOW_SERVER, row);
        assert_int_equal(scene_report(arrow) != NULL, hidden);
        if (!hidden)
            continue;
        /* Each once, and in the diagram's order. */
        assert_int_equal(scene.reports[seen].arrow, arrow);
        assert_int_equal(scene.reports[seen].status, 0);
        assert_int_equal(scene.reports[seen].has_request, arrow == 7);
        seen++;
    }
    assert_int_equal(scene.report_count, seen);
}

/* Calls that name a unit, so that any server may answer them. */
static bool is_of_unit(const char *method)
{
    static const char *const methods[] = { "Commit", "Booted", "Locked", "Sealed" };
    for (size_t i = 0; i < COUNT(methods); i++)
        if (strcmp(method + strlen("hallmark.v1.Runs/"), methods[i]) == 0)
            return true;
    return false;
}

static void calls_carry_run_and_key(void **state)
{
    (void)state;
    assert_int_equal(run_one(FAULT_NONE), ERR_OK);
    assert_true(scene.call_count > 8);
    for (size_t i = 0; i < scene.call_count; i++) {
        const struct seen_call *call = &scene.calls[i];
        bool fetch = strcmp(call->method, "hallmark.v1.Runs/FetchImage") == 0;
        bool of_unit = i != 0 && is_of_unit(call->method);
        assert_int_equal(call->has_run, i != 0 && !of_unit); /* Runs.Open makes it */
        assert_int_equal(call->has_key, !fetch);
    }
}

/* What goes wrong, how the site ends, what is said to have been under way, and the arrow whose
 * failure the server is told by a report (0: it knows, or there is no run). */
static const struct {
    enum fault fault;
    const char *name;
    enum err want;
    const char *where;
    uint8_t reported;
} refusals[] = {
    { FAULT_LOCKED, "locked board", ERR_LOCKED, "connecting over SWD", 0 },
    { FAULT_OPEN_DENIED, "run refused", ERR_DENIED, "Runs.Open", 0 },
    { FAULT_OPEN_NONCE, "short nonce", ERR_INVALID, "Runs.Open", 0 },
    { FAULT_OPEN_SUBJECT, "subject is no Name", ERR_PROTO, "arrow 10", 10 },
    { FAULT_IMAGE_DIGEST, "other DevAuth", ERR_MISMATCH, "arrow 5", 5 },
    { FAULT_IMAGE_CHUNK, "chunk over the limit", ERR_LIMIT, "arrow 5", 5 },
    { FAULT_IMAGE_EMPTY, "empty chunk", ERR_LIMIT, "arrow 5", 5 },
    { FAULT_IMAGE_PAST, "chunk past the end", ERR_LIMIT, "arrow 5", 5 },
    { FAULT_IMAGE_SIZE, "size changes", ERR_PROTO, "arrow 5", 5 },
    { FAULT_IMAGE_HUGE, "image too large", ERR_LIMIT, "arrow 5", 5 },
    { FAULT_UID, "Hello with another UID", ERR_MISMATCH, "arrow 7", 7 },
    { FAULT_PDID, "Hello with another PDID", ERR_MISMATCH, "arrow 7", 7 },
    { FAULT_BOARD_SILENT, "no answer", ERR_DEADLINE, "arrow 9", 9 },
    { FAULT_BOARD_POINT, "point off the curve", ERR_POINT, "arrow 10", 10 },
    { FAULT_BOARD_SIGNATURE, "another's signature", ERR_SIG, "arrow 13", 13 },
    { FAULT_CA_REFUSES, "CSR refused", ERR_INVALID, "arrow 14", 0 },
    { FAULT_CERTIFICATE_LONG, "certificate too long", ERR_LIMIT, "arrow 15", 0 },
    { FAULT_PROBE, "probe unplugged", ERR_CLOSED, "arrow 16", 16 },
    { FAULT_CONNECTION, "connection lost", ERR_CLOSED, "arrow 17", 0 },
    { FAULT_ROTPK_SHORT, "short ROTPK", ERR_INVALID, "arrow 19", 0 },
    { FAULT_SERVER_ENDS, "run ended by the server", ERR_HSM, "arrow 19", 0 },
    { FAULT_BOARD_REFUSES, "board refuses ROTPK", ERR_SIG, "arrow 20", 20 },
    { FAULT_BOARD_HALF, "half a ROTPK", ERR_VERIFY, "arrow 20", 20 },
    { FAULT_FIRMWARE_OTHER, "other firmware", ERR_MISMATCH, "arrow 23", 0 },
    { FAULT_FIRMWARE_MISSING, "no firmware", ERR_PRECONDITION, "arrow 23", 0 },
    { FAULT_BOARD_DIGEST, "flash reads otherwise", ERR_VERIFY, "arrow 24", 24 },
    { FAULT_AGREEMENT_REFUSED, "board's key refused", ERR_SIG, "arrow 31", 0 },
    { FAULT_FINISH_REFUSED, "receipt refused", ERR_SIG, "Runs.Finish", 0 },
    { FAULT_FINISH_TAG, "no tag of the decision", ERR_INVALID, "Runs.Finish", 0 },
    { FAULT_COMMIT, "server's tag refused", ERR_SIG, "Closing.Commit", 0 },
    { FAULT_COMMIT_EMPTY, "no commit statement", ERR_PROTO, "Closing.Commit", 0 },
    { FAULT_COMMIT_HELD, "unit held", ERR_HELD, "Runs.Commit", 0 },
    { FAULT_COMMIT_TAG, "short lock tag", ERR_INVALID, "Runs.Commit", 0 },
    { FAULT_COMMIT_BARE, "no receipt to lock with", ERR_PROTO, "Runs.Commit", 0 },
    { FAULT_LOCK_FINDS, "lock refused", ERR_MISMATCH, "Closing.Lock", 0 },
    { FAULT_LOCK_CHIP, "lock fails in the chip", ERR_CHIP, "Closing.Lock", 0 },
    { FAULT_LOCK_EMPTY, "no lock statement", ERR_PROTO, "Closing.Lock", 0 },
    { FAULT_LOCK_LEVEL, "no lock level", ERR_PROTO, "Closing.Lock", 0 },
    { FAULT_LOCKED_REFUSED, "lock statement refused", ERR_SIG, "Runs.Locked", 0 },
    { FAULT_RESET, "no reset", ERR_NOT_KNOWN, "reset by nRESET", 0 },
    { FAULT_DEBUG_OPEN, "debug port open", ERR_OPEN, "proving that the debug port is shut", 0 },
    { FAULT_DEBUG_MUTE, "debug port not known", ERR_NOT_KNOWN,
      "proving that the debug port is shut", 0 },
    { FAULT_PASSWORD, "debug password set", ERR_MISMATCH,
      "comparing the board with its profile", 0 },
    { FAULT_OPEN_ZERO, "run id 0", ERR_PROTO, "Runs.Open", 0 },
    { FAULT_OPEN_BARE, "no run and nothing to lock", ERR_PROTO, "Runs.Open", 0 },
};

static void failed_report(size_t i)
{
    const struct seen_report *report = scene_report(refusals[i].reported);
    for (size_t k = 0; k < scene.report_count; k++)
        if (scene.reports[k].status != 0)
            assert_int_equal(scene.reports[k].arrow, refusals[i].reported);
    if (refusals[i].reported == 0)
        return;
    assert_non_null(report);
    assert_int_equal(report->code, refusals[i].want);
    assert_int_equal(report->status, err_status(refusals[i].want));
    assert_true(report->has_words);
    assert_string_equal(scene.calls[scene.call_count - 1].method, "hallmark.v1.Runs/Report");
}

/* What fails on the board in the closing, where the server is not asked, is told to it; what it
 * knows is not told again. */
static void failed_closing_is_told(size_t i, const char *where)
{
    bool unseen = strncmp(where, "Closing.", 8) == 0;
    bool turned_away = refusals[i].fault == FAULT_PASSWORD || refusals[i].fault == FAULT_LOCKED;
    if (scene.told != (unseen || turned_away ? 1 : 0))
        fail_msg("%s: told %u times", refusals[i].name, scene.told);
    if (!unseen)
        return;
    assert_int_equal(scene.told_code, refusals[i].want);
    assert_non_null(strstr(scene.told_words, refusals[i].where));
    assert_int_equal(scene.told_uid[0], '1');
}

static void refusals_name_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        enum err e = run_one(refusals[i].fault);
        json_t *lines = output();
        size_t last = json_array_size(lines) - 1;
        const char *where = text_of(lines, last, "where");
        if (e != refusals[i].want || strstr(where, refusals[i].where) == NULL)
            fail_msg("%s: error %d, at %s: %s", refusals[i].name, (int)e, where,
                     text_of(lines, last, "detail"));
        assert_string_equal(text_of(lines, last, "result"), "failed");
        assert_true(strlen(text_of(lines, last, "detail")) > 4);
        assert_true(strlen(text_of(lines, last, "try")) > 10);
        assert_null(strchr(text_of(lines, last, "detail"), '\x1b'));
        failed_closing_is_told(i, where);
        json_decref(lines);
        failed_report(i);
    }
}

static void no_run_is_asked_for_a_board_that_cannot_have_one(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum err want;
    } cases[] = { { FAULT_LOCKED, ERR_LOCKED }, { FAULT_PASSWORD, ERR_MISMATCH } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(run_one(cases[i].fault), cases[i].want);
        assert_int_equal(scene.call_count, 1);
        assert_string_equal(scene.calls[0].method, "hallmark.v1.Bench/TurnAway");
    }
}

/* The proof's outcome, whichever it is, reaches the server; and what a probe said stays
 * printable. */
static void an_unsealed_unit_is_told(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum err want;
        uint32_t port;
        const char *words;
    } cases[] = {
        { FAULT_DEBUG_OPEN, ERR_OPEN, OPEN, "SRAM is readable" },
        { FAULT_DEBUG_MUTE, ERR_NOT_KNOWN, NOT_KNOWN, "no answer" },
        { FAULT_RESET, ERR_NOT_KNOWN, NOT_KNOWN, "no reset: probe: unplugged" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(run_one(cases[i].fault), cases[i].want);
        assert_true(scene.sealed && scene.units[1].locked && !scene.units[1].sealed);
        assert_int_equal(scene.debug_port, cases[i].port);
        assert_non_null(strstr(scene.sealed_detail, cases[i].words));
    }
}

/* The proof is held against the level that the board stated. */
static void the_proof_is_of_the_level_stated(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1" };
    static const uint32_t levels[] = { 1, 3 };
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct site_plan plan = plan_of(probes, 1);
        size_t failed;
        scene_begin(FAULT_NONE);
        scene.level = levels[i];
        assert_int_equal(run_captured(&plan, &failed), ERR_OK);
        assert_int_equal(scene.looked_for, levels[i]);
    }
}

/* Refused calls are answered, and the run goes on. */
static void wrong_calls_are_refused_and_waited_past(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        uint32_t first_status;
        const char *words;
    } cases[] = {
        { FAULT_SERVER_ORDER, 9, "expected arrow 3 (Station.PutWebServerCertificate)" },
        { FAULT_SERVER_STRANGER, 12, "not o's to call" },
        { FAULT_SERVER_RUN, 5, "no position of this station has this run" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(run_one(cases[i].fault), ERR_OK);
        assert_int_equal(scene.answer_count, 6);
        assert_non_null(strstr(scene.answer_words, cases[i].words));
        unsigned refused = 0;
        for (size_t k = 0; k < scene.answer_count; k++)
            if (scene.answers[k] != 0) {
                assert_int_equal(scene.answers[k], cases[i].first_status);
                refused++;
            }
        assert_int_equal(refused, 1);
    }
}

static void the_boards_wrong_calls_too(void **state)
{
    (void)state;
    assert_int_equal(run_one(FAULT_BOARD_ORDER), ERR_OK);
    assert_int_equal(scene.board_refusals, 1);
    assert_int_equal(run_one(FAULT_BOARD_STRANGER), ERR_OK);
    assert_int_equal(scene.board_refusals, 1);
    assert_int_equal(run_one(FAULT_AGREEMENT_REFUSED), ERR_SIG);
    assert_int_equal(scene.board_refusals, 1); /* the server's refusal reaches the board */
}

static void firmware_may_come_with_arrow_23(void **state)
{
    (void)state;
    assert_int_equal(run_one(FAULT_FIRMWARE_COMES), ERR_OK);
    assert_true(scene.firmware_ok);
}

static void the_firmware_is_asked_for_before_it_is_needed(void **state)
{
    (void)state;
    size_t fetched = 0;
    assert_int_equal(run_one(FAULT_NONE), ERR_OK);
    for (size_t i = 0; i < scene.call_count; i++) {
        const char *method = scene.calls[i].method;
        if (strcmp(method, "hallmark.v1.Ca/RequestCertificate") == 0)
            break;
        fetched += strcmp(method, "hallmark.v1.Runs/FetchImage") == 0;
    }
    assert_int_equal(fetched, 2); /* DevAuth, and the firmware's first piece */
    assert_true(scene.firmware_ok);
}

static void a_firmware_file_is_not_fetched(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1" };
    struct site_plan plan = plan_of(probes, 1);
    FILE *file = fopen(firmware_file, "w");
    assert_non_null(file);
    for (size_t i = 0; i < 300000; i++) /* as test_site_fake_server.c makes it */
        fputc((int)((i * 5 + i / 256) & 0xff), file);
    fclose(file);
    plan.firmware_file = firmware_file;
    scene_begin(FAULT_NONE);
    size_t failed, fetched = 0;
    assert_int_equal(run_captured(&plan, &failed), ERR_OK);
    for (size_t i = 0; i < scene.call_count; i++)
        fetched += strcmp(scene.calls[i].method, "hallmark.v1.Runs/FetchImage") == 0;
    assert_int_equal(fetched, 1); /* DevAuth */
}

static void one_bad_board_leaves_the_others_alone(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1", "usb:serial=2", "usb:port=1-3" };
    struct site_plan plan = plan_of(probes, COUNT(probes));
    size_t failed, sealed = 0;
    scene_begin(FAULT_BOARD_REFUSES);
    scene.faulty_probe = "usb:serial=2";
    assert_int_equal(run_captured(&plan, &failed), ERR_SIG);
    assert_int_equal(failed, 1);
    json_t *lines = output();
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *result = text_of(lines, i, "result");
        bool bad = strcmp(text_of(lines, i, "site"), "2") == 0;
        if (result != NULL)
            assert_string_equal(result, bad ? "failed" : "sealed");
        sealed += result != NULL && !bad;
    }
    assert_int_equal(sealed, 2);
    json_decref(lines);
}

/* A position gets its next board only after 0: the program of --on-end counts. */
static void the_program_at_the_end_counts(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1" };
    static const struct {
        const char *program;
        enum fault fault;
        enum err want;
    } cases[] = {
        { "true", FAULT_NONE, ERR_OK },
        { "false", FAULT_NONE, ERR_ABORTED },
        { "false", FAULT_DEBUG_OPEN, ERR_OPEN },
        { "true", FAULT_DEBUG_OPEN, ERR_OPEN },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct site_plan plan = plan_of(probes, 1);
        size_t failed;
        plan.on_end = cases[i].program;
        scene_begin(cases[i].fault);
        assert_int_equal(run_captured(&plan, &failed), cases[i].want);
        json_t *lines = output();
        const char *said = text_of(lines, json_array_size(lines) - 1, "on_end");
        assert_int_equal(said[0] == '\0', strcmp(cases[i].program, "true") == 0);
        json_decref(lines);
    }
}

/* DevAuth is one piece, the firmware two, of which the first may come once more: asked for
 * ahead by a site whose board is slower than another. */
static void images_are_fetched_once_for_all_sites(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1", "usb:serial=2", "usb:port=1-3",
                                          "usb:port=1-4" };
    struct site_plan plan = plan_of(probes, COUNT(probes));
    size_t failed, fetched = 0;
    scene_begin(FAULT_NONE);
    assert_int_equal(run_captured(&plan, &failed), ERR_OK);
    for (size_t i = 0; i < scene.call_count; i++)
        fetched += strcmp(scene.calls[i].method, "hallmark.v1.Runs/FetchImage") == 0;
    assert_true(fetched >= 3 && fetched <= 4);
}

static void plans_that_cannot_be(void **state)
{
    (void)state;
    static const char *const twice[] = { "usb:", "usb:" };
    struct site_plan plan = plan_of(twice, 2);
    size_t failed;
    scene_begin(FAULT_NONE);
    assert_int_equal(sites_run(&plan, &failed), ERR_USAGE);
    plan = plan_of(twice, 0);
    assert_int_equal(sites_run(&plan, &failed), ERR_USAGE);
    plan = plan_of(twice, 1);
    plan.key_file = "/nonexistent";
    assert_int_equal(sites_run(&plan, &failed), ERR_NOT_FOUND);
    assert_int_equal(failed, 0);
    plan = plan_of(twice, 1);
    plan.firmware_file = "/nonexistent";
    assert_int_equal(sites_run(&plan, &failed), ERR_NOT_FOUND);
    assert_int_equal(scene.boards_opened, 0);
}

static void lines_for_people(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1" };
    struct site_plan plan = plan_of(probes, 1);
    char text[16384] = "";
    size_t failed;
    plan.json = false;
    scene_begin(FAULT_CA_REFUSES);
    assert_int_equal(run_captured(&plan, &failed), ERR_INVALID);
    FILE *file = fopen(output_file, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "13  n → n  Station.GenerateCsr"));
    assert_non_null(strstr(text, "CSR made: "));
    assert_non_null(strstr(text, "station-agent: position bench:1 (tcp://bench:1): arrow 14, "
                                 "n -> o Ca.RequestCertificate: server: no?[31m?way"));
    assert_null(strchr(text, '\x1b'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arrow_is_told),
        cmocka_unit_test(the_server_hears_of_what_it_cannot_see),
        cmocka_unit_test(calls_carry_run_and_key),
        cmocka_unit_test(refusals_name_their_place),
        cmocka_unit_test(no_run_is_asked_for_a_board_that_cannot_have_one),
        cmocka_unit_test(an_unsealed_unit_is_told),
        cmocka_unit_test(the_proof_is_of_the_level_stated),
        cmocka_unit_test(wrong_calls_are_refused_and_waited_past),
        cmocka_unit_test(the_boards_wrong_calls_too),
        cmocka_unit_test(firmware_may_come_with_arrow_23),
        cmocka_unit_test(a_firmware_file_is_not_fetched),
        cmocka_unit_test(the_firmware_is_asked_for_before_it_is_needed),
        cmocka_unit_test(one_bad_board_leaves_the_others_alone),
        cmocka_unit_test(the_program_at_the_end_counts),
        cmocka_unit_test(images_are_fetched_once_for_all_sites),
        cmocka_unit_test(plans_that_cannot_be),
        cmocka_unit_test(lines_for_people),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
