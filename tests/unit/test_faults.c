/* SPDX-License-Identifier: MIT */
/* Operations of the host programs with their nth allocation or system call failing, for n from
 * 1 until none fails: the right error, nothing leaked (LeakSanitizer), nothing half done. */
#include "tests/unit/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/draft.h"
#include "common/host/log.h"
#include "common/rpc/peer.h"
#include "oem-server/call/settle.h"
#include "oem-server/ctl/file.h"
#include "oem-server/store/replay.h"
#include "oem-server/tlog/proof.h"
#include "station-agent/probe/probe.h"
#include "tests/unit/faults.h"
#include "tests/unit/test_store_open.h"
#include "tests/unit/test_tlog_key.h"

enum { TRIES_MAX = 2000 };

/* run() makes everything that it needs but what open() has made, and frees it. */
struct operation {
    enum err (*run)(void);
    void (*check)(enum err e); /* after each try: nothing is half done; or NULL */
    enum err want;             /* of a fault */
    bool all_threads;
    unsigned least; /* so many points must be there */
};

static void try_all(const struct operation *o, enum fault_kind kind, int error)
{
    unsigned n = 1;
    for (; n < TRIES_MAX; n++) {
        faults_begin(kind, n, error, o->all_threads);
        enum err e = o->run();
        bool reached = faults_end();
        if (o->check != NULL)
            o->check(e);
        if (!reached) {
            assert_int_equal(e, ERR_OK);
            break;
        }
        if (e != o->want)
            fail_msg("fault %u, %s: error %d, not %d: %s", n, faults_last(), (int)e,
                     (int)o->want, fail_words());
    }
    assert_in_range(n - 1, o->least, TRIES_MAX);
}

/* ---- files ---- */

static char path[128];
static const uint8_t old_text[] = "what was there before", new_text[5000] = "what is new";

static enum err replace_file(void)
{
    AUTO(draft_drop) struct draft draft = { 0 };
    TRY(draft_open(path, &draft));
    TRY(draft_write(&draft, SPAN(new_text)));
    return draft_replace(&draft, 0600);
}

/* The old file or the new one, whole, and no other; then the old one again. */
static void file_is_whole(enum err e)
{
    AUTO(buf_free) struct buf have = { 0 };
    struct stat st;
    assert_int_equal(file_read(path, sizeof(new_text), &have), ERR_OK);
    bool is_new = span_eq(buf_span(&have), SPAN(new_text));
    assert_true(is_new || (e != ERR_OK && span_eq(buf_span(&have), SPAN(old_text))));
    assert_int_equal(stat(dir.folder, &st), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir.folder), 0); /* there is no draft left over */
    assert_int_equal(mkdir(dir.folder, 0700), 0);
    assert_int_equal(file_write(path, SPAN(old_text)), ERR_OK);
}

static enum err read_file(void)
{
    AUTO(buf_free) struct buf have = { 0 };
    TRY(file_read(path, sizeof(new_text), &have));
    return span_eq(buf_span(&have), SPAN(old_text)) ? ERR_OK : ERR_MISMATCH;
}

static int files_open(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    test_dir_make(&dir);
    snprintf(path, sizeof(path), "%s/file", dir.folder);
    return file_write(path, SPAN(old_text)) == ERR_OK ? 0 : -1;
}

static int files_close(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir.folder);
}

static void a_file_is_replaced_whole_or_not(void **state)
{
    (void)state;
    struct operation o = { replace_file, file_is_whole, ERR_MEMORY, false, 3 };
    try_all(&o, FAULT_MEMORY, 0);
    o.want = ERR_IO;
    o.least = 7; /* mkostemp, write, fchmod, fsync, rename, open, fsync */
    try_all(&o, FAULT_CALL, EIO);
    try_all(&o, FAULT_CALL, ENOSPC);
    o.want = ERR_OK;
    o.least = 1;
    try_all(&o, FAULT_SHORT, 0);
}

static void a_file_is_read_whole_or_not(void **state)
{
    (void)state;
    struct operation o = { read_file, NULL, ERR_MEMORY, false, 1 };
    try_all(&o, FAULT_MEMORY, 0);
    o.want = ERR_IO;
    o.least = 3; /* open and two reads */
    try_all(&o, FAULT_CALL, EIO);
    o.want = ERR_OK;
    o.least = 1;
    try_all(&o, FAULT_SHORT, 0);
}

/* A signal in a read or a write is no failure. */
static void a_signal_is_no_failure(void **state)
{
    (void)state;
    for (unsigned n = 2; n <= 3; n++) { /* the reads, behind the open */
        faults_begin(FAULT_CALL, n, EINTR, false);
        enum err e = read_file();
        assert_true(faults_end());
        assert_string_equal(faults_last(), "read");
        assert_int_equal(e, ERR_OK);
    }
    faults_begin(FAULT_CALL, 2, EINTR, false);
    enum err e = replace_file();
    assert_true(faults_end());
    assert_string_equal(faults_last(), "write");
    assert_int_equal(e, ERR_OK);
}

/* ---- the fold of the log ---- */

static enum err fold(void)
{
    struct replay *replay = NULL;
    TRY(replay_new(&replay));
    enum err e = replay_fold(replay, "unit 1", "state", "open");
    if (e == ERR_OK)
        e = replay_fold(replay, "unit 1", "state", "sealed");
    if (e == ERR_OK)
        e = replay_fold(replay, "unit 2", "state", "open");
    replay_free(replay);
    return e;
}

static unsigned differences;

static void differs(void *context, const char *row, const char *field, const char *want,
                    const char *got)
{
    (void)context;
    (void)row;
    (void)field;
    (void)got;
    assert_true(want == NULL || want[0] != '\0');
    differences++;
}

/* A change that failed left what was there: no field without a value. */
static void a_failed_change_leaves_the_fold(void **state)
{
    (void)state;
    const struct operation o = { fold, NULL, ERR_MEMORY, false, 10 };
    try_all(&o, FAULT_MEMORY, 0);
    for (unsigned n = 1; n < TRIES_MAX; n++) {
        struct replay *replay = NULL;
        assert_int_equal(replay_new(&replay), ERR_OK);
        assert_int_equal(replay_fold(replay, "unit 1", "state", "open"), ERR_OK);
        faults_begin(FAULT_MEMORY, n, 0, false);
        enum err first = replay_fold(replay, "unit 1", "state", "sealed");
        enum err second = replay_fold(replay, "unit 1", "holder", "line-1");
        bool reached = faults_end();
        differences = 0;
        replay_compare(replay, true, "unit 1", "state", first == ERR_OK ? "sealed" : "open",
                       differs, NULL);
        if (second == ERR_OK)
            replay_compare(replay, true, "unit 1", "holder", "line-1", differs, NULL);
        replay_missing(replay, differs, NULL);
        assert_int_equal(differences, 0);
        replay_free(replay);
        if (!reached)
            break;
    }
}

/* ---- the digest of a request ---- */

/* Two requests must not look alike because there was no memory: it takes none. */
static void digests_need_no_memory(void **state)
{
    (void)state;
    static char method[] = "hallmark.v1.Test/Echo";
    static const uint8_t payload[] = "a request", other[] = "another one";
    const struct auth_method row = { .shape = AUTH_UNARY };
    struct call call = { .method = &row };
    uint8_t one[SHA256_SIZE], two[SHA256_SIZE];
    call.rpc.method = method;
    call.rpc.payload = SPAN(payload);
    faults_begin(FAULT_MEMORY, 1, 0, false);
    replay_digest(&call, one);
    call.rpc.payload = SPAN(other);
    replay_digest(&call, two);
    assert_false(faults_end());
    assert_memory_not_equal(one, two, SHA256_SIZE);
}

/* ---- notes and proofs ---- */

static enum err make_and_verify_a_proof(void)
{
    static const uint8_t entry[] = "the only entry";
    struct test_key pair;
    struct note_key key;
    struct proof parsed;
    struct tree_proof none = { 0 };
    uint8_t root[SHA256_SIZE], signature[NOTE_ED25519_SIZE];
    AUTO(buf_free) struct buf text = { 0 };
    AUTO(buf_free) struct buf note = { 0 };
    AUTO(buf_free) struct buf proof = { 0 };
    AUTO(buf_free) struct buf verifier = { 0 };
    test_key_make(&pair, 3);
    enum err e = note_key_make("log.example", pair.public_key, &key);
    if (e == ERR_OK)
        e = tree_leaf(SPAN(entry), root);
    if (e == ERR_OK)
        e = checkpoint_text(key.name, 1, root, &text);
    if (e == ERR_OK)
        e = test_key_sign(&pair, buf_span(&text), signature);
    test_key_free(&pair);
    TRY(e);
    TRY(note_build(buf_span(&text), &key, signature, &note));
    TRY(proof_build(0, &none, buf_span(&note), &proof));
    TRY(note_key_text(&key, &verifier));
    TRY(proof_parse(buf_span(&proof), &parsed));
    return proof_verify(&parsed, SPAN(entry), &key, NULL);
}

static void proofs_without_memory(void **state)
{
    (void)state;
    const struct operation o = { make_and_verify_a_proof, NULL, ERR_MEMORY, false, 4 };
    try_all(&o, FAULT_MEMORY, 0);
}

/* ---- rpc ---- */

static enum err deliver(struct peer *from, struct peer *to)
{
    struct buf message = { 0 };
    enum err e = ERR_OK;
    while (e == ERR_OK && peer_pull(from, &message))
        e = peer_receive(to, buf_span(&message), 0);
    buf_free(&message);
    return e;
}

static unsigned answers;
static bool called;

static void drain(struct peer *peer, uint32_t *stream_out)
{
    struct peer_event event;
    while (peer_next_event(peer, &event)) {
        if (event.kind == PEER_REQUEST)
            *stream_out = event.stream;
        answers += event.kind == PEER_RESPONSE;
        peer_event_free(&event);
    }
}

/* A call and its answer. What a peer cannot do for want of memory ends the connection or the
 * call; it does not end in a call that is neither open nor answered. */
static enum err exchange(struct peer *client, struct peer *server)
{
    static char method[] = "hallmark.v1.Test/Echo";
    static uint8_t bytes[100];
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    uint32_t stream = 0, none = 0;
    request.method = method;
    request.payload = (ProtobufCBinaryData){ sizeof(bytes), bytes };
    request.end_stream = true;
    TRY(deliver(client, server));
    TRY(deliver(server, client));
    TRY(peer_call(client, &request, &stream, 0));
    called = true;
    TRY(deliver(client, server));
    drain(server, &stream);
    if (stream == 0)
        return ERR_MEMORY;
    response.stream = stream;
    TRY(peer_respond(server, &response));
    TRY(deliver(server, client));
    drain(client, &none);
    return peer_open_calls(client) == 0 ? ERR_OK : ERR_MEMORY;
}

static enum err call_and_answer(void)
{
    struct peer *client = peer_new(PEER_CLIENT, "test", 0);
    struct peer *server = peer_new(PEER_SERVER, "test", 0);
    uint32_t none = 0;
    answers = 0;
    called = false;
    enum err e = client == NULL || server == NULL ? ERR_MEMORY : exchange(client, server);
    if (client != NULL) { /* as its carrier does when the connection is lost */
        peer_fail_calls(client, ERR_CLOSED, "lost");
        drain(client, &none);
    }
    assert_int_equal(answers, called ? 1 : 0);
    peer_free(client);
    peer_free(server);
    return e;
}

static void calls_without_memory(void **state)
{
    (void)state;
    const struct operation o = { call_and_answer, NULL, ERR_MEMORY, false, 6 };
    try_all(&o, FAULT_MEMORY, 0);
}

/* ---- the store ---- */

static struct setting setting = { "name", "new" };

static enum err put_setting(struct store_tx *tx, void *context)
{
    (void)context;
    return setting_put(tx, &setting);
}

static enum err change_and_read(void)
{
    TRY(store_do(store, put_setting, NULL, UINT64_MAX));
    return store_read(store, setting_compare, &setting, UINT64_MAX);
}

static void store_still_works(enum err e)
{
    (void)e;
    assert_int_equal(change_and_read(), ERR_OK);
}

static void changes_without_memory(void **state)
{
    (void)state;
    const struct operation o = { change_and_read, store_still_works, ERR_MEMORY, true, 1 };
    try_all(&o, FAULT_MEMORY, 0);
}

static enum err open_another(void)
{
    char other[160];
    struct store *opened = NULL;
    snprintf(other, sizeof(other), "%s/other.db", dir.folder);
    enum err e = store_open(other, &opened);
    store_close(opened);
    return e;
}

static void opening_without_memory(void **state)
{
    (void)state;
    const struct operation o = { open_another, NULL, ERR_MEMORY, true, 2 };
    try_all(&o, FAULT_MEMORY, 0);
}

/* ---- the probe over TCP ---- */

static int listener = -1;
static char uri[64];

static int listen_here(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof(at);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&at, size) != 0 ||
        listen(listener, 1000) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        return -1;
    snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    return 0;
}

static int listen_no_more(void **state)
{
    (void)state;
    return close(listener);
}

static enum err open_probe(void)
{
    struct probe *probe = NULL;
    enum err e = probe_open(uri, 1000, &probe);
    probe_close(probe);
    return e;
}

static void probes_without_memory_or_network(void **state)
{
    (void)state;
    static const struct {
        const char *call;
        enum err want;
    } calls[] = { { "socket", ERR_IO }, { "connect", ERR_UNAVAILABLE } };
    const struct operation o = { open_probe, NULL, ERR_MEMORY, false, 1 };
    try_all(&o, FAULT_MEMORY, 0);
    for (unsigned i = 0; i < COUNT(calls); i++) {
        faults_begin(FAULT_CALL, i + 1, ENETUNREACH, false);
        enum err e = open_probe();
        assert_true(faults_end());
        assert_string_equal(faults_last(), calls[i].call);
        assert_int_equal(e, calls[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole_or_not, files_open,
                                        files_close),
        cmocka_unit_test_setup_teardown(a_file_is_read_whole_or_not, files_open, files_close),
        cmocka_unit_test_setup_teardown(a_signal_is_no_failure, files_open, files_close),
        cmocka_unit_test(a_failed_change_leaves_the_fold),
        cmocka_unit_test(digests_need_no_memory),
        cmocka_unit_test(proofs_without_memory),
        cmocka_unit_test(calls_without_memory),
        TEST(changes_without_memory),
        TEST(opening_without_memory),
        cmocka_unit_test_setup_teardown(probes_without_memory_or_network, listen_here,
                                        listen_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
