/* SPDX-License-Identifier: MIT */
/* The log's anchor: what a file in the second place says of the store, and that no checkpoint
 * is given away before it stands there. */
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oem-server/store/hooks.h"
#include "tests/unit/test_tlog_log.h"

enum { ENTRIES = 40, PUBLISHED = 30, HELD_MAX = 8192 };

static char folder[96], path[112], lock[128];
static struct tlog_anchor_found found;

static void names(void)
{
    snprintf(folder, sizeof(folder), "%s/second", dir.folder);
    snprintf(path, sizeof(path), "%s/anchor", folder);
    snprintf(lock, sizeof(lock), "%s.lock", path);
}

static int begin(void **state)
{
    if (set_up(state) != 0)
        return -1;
    names();
    return mkdir(folder, 0700);
}

static int finish(void **state)
{
    unlink(path);
    unlink(lock);
    rmdir(path); /* where a folder stood in its place */
    rmdir(folder);
    return tear_down(state);
}

static enum err open_anchor(void)
{
    return tlog_anchor_open(event_log, path, "this server", &found);
}

static void reopen(void)
{
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(open_anchor(), ERR_OK);
}

static enum err record_in(struct store_tx *tx, void *context)
{
    TRY(tlog_anchor_record(tx, *(enum tlog_record *)context, tlog_anchor_held(event_log)));
    return append_in(tx, 1, NULL);
}

static void record(enum tlog_record what)
{
    assert_int_equal(change(record_in, &what), ERR_OK);
}

static void put(const void *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static size_t get(char out[static HELD_MAX])
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t len = fread(out, 1, HELD_MAX - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

static void holds(uint64_t size)
{
    char text[HELD_MAX];
    struct checkpoint checkpoint;
    size_t len = get(text);
    assert_int_equal(checkpoint_open(span_of(text, len), &note_key, &checkpoint), ERR_OK);
    assert_int_equal(checkpoint.size, size);
}

/* --- What stands there, and what it says of a store of 40 entries that published 30. --- */

static struct buf note_of(uint64_t size, const uint8_t *root, struct test_key *by,
                          const char *origin)
{
    uint8_t signature[NOTE_ED25519_SIZE];
    struct buf text = { 0 }, note = { 0 };
    struct note_key name;
    assert_int_equal(checkpoint_text(origin, size, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(by, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_key_make(origin, by->public_key, &name), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), &name, signature, &note), ERR_OK);
    buf_free(&text);
    return note;
}

enum spoil { AS_IT_IS, TORN, TAILED, FLIPPED, HUGE_ONE, EMPTY, ABSENT };
static const struct {
    const char *name;
    uint64_t size;
    bool root_is_other, key_is_other;
    const char *origin;
    enum spoil spoil;
    enum tlog_anchored is;
} contents[] = {
    { "what was published", PUBLISHED, false, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_AGREES },
    { "an older one", 3, false, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_AGREES },
    { "of all entries, before they were published", ENTRIES, false, false, ORIGIN, AS_IT_IS,
      TLOG_ANCHOR_AGREES },
    { "of no entry", 0, false, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_AGREES },
    { "newer by one", ENTRIES + 1, true, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_BEHIND },
    { "newer by far", INT64_MAX, true, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_BEHIND },
    { "another root", PUBLISHED, true, false, ORIGIN, AS_IT_IS, TLOG_ANCHOR_FORKED },
    { "another root, of all entries", ENTRIES, true, false, ORIGIN, AS_IT_IS,
      TLOG_ANCHOR_FORKED },
    { "another log of this key", PUBLISHED, false, false, "other.example", AS_IT_IS,
      TLOG_ANCHOR_DAMAGED },
    { "another key", PUBLISHED, false, true, ORIGIN, AS_IT_IS, TLOG_ANCHOR_DAMAGED },
    { "another key, newer", ENTRIES + 1, true, true, ORIGIN, AS_IT_IS, TLOG_ANCHOR_DAMAGED },
    { "torn", PUBLISHED, false, false, ORIGIN, TORN, TLOG_ANCHOR_DAMAGED },
    { "with more behind it", PUBLISHED, false, false, ORIGIN, TAILED, TLOG_ANCHOR_DAMAGED },
    { "a bad signature", PUBLISHED, false, false, ORIGIN, FLIPPED, TLOG_ANCHOR_DAMAGED },
    { "huge", PUBLISHED, false, false, ORIGIN, HUGE_ONE, TLOG_ANCHOR_DAMAGED },
    { "empty", PUBLISHED, false, false, ORIGIN, EMPTY, TLOG_ANCHOR_DAMAGED },
    { "absent", PUBLISHED, false, false, ORIGIN, ABSENT, TLOG_ANCHOR_GONE },
};

static void root_of(uint64_t size, bool other, uint8_t root_out[static SHA256_SIZE])
{
    uint8_t(*roots)[SHA256_SIZE] = calloc(ENTRIES + 1, SHA256_SIZE);
    struct auditor auditor = { .roots = roots };
    assert_non_null(roots);
    audit_all(&auditor);
    memcpy(root_out, roots[size > ENTRIES ? ENTRIES : size], SHA256_SIZE);
    root_out[5] ^= other ? 1 : 0;
    free(roots);
}

static void put_spoilt(size_t i, const struct buf *note)
{
    char bytes[HELD_MAX] = "";
    size_t len = note->len;
    assert_true(len < sizeof(bytes) / 2);
    memcpy(bytes, note->ptr, len);
    if (contents[i].spoil == TORN)
        len /= 2;
    if (contents[i].spoil == TAILED)
        bytes[len++] = 'x';
    if (contents[i].spoil == FLIPPED) /* one bit of the signature's base64 */
        bytes[len - 20] = bytes[len - 20] == 'A' ? 'B' : 'A';
    if (contents[i].spoil == HUGE_ONE)
        len = 5000;
    if (contents[i].spoil == EMPTY)
        len = 0;
    if (contents[i].spoil != ABSENT)
        put(bytes, len);
}

static void contents_are_told_apart(void **state)
{
    (void)state;
    struct test_key other;
    uint8_t root[SHA256_SIZE];
    test_key_make(&other, 9);
    append(PUBLISHED);
    checkpoint_is(PUBLISHED);
    append(ENTRIES - PUBLISHED - 1);
    record(TLOG_RECORD_USED);
    for (size_t i = 0; i < COUNT(contents); i++) {
        root_of(contents[i].size, contents[i].root_is_other, root);
        struct buf note = note_of(contents[i].size, root,
                                  contents[i].key_is_other ? &other : &key, contents[i].origin);
        unlink(path);
        put_spoilt(i, &note);
        reopen();
        if (found.is != contents[i].is)
            fail_msg("%s: %d, not %d (%s)", contents[i].name, (int)found.is,
                     (int)contents[i].is, found.words);
        assert_int_equal(found.log_size, ENTRIES);
        assert_true(found.is != TLOG_ANCHOR_DAMAGED || found.words[0] != '\0');
        assert_true(found.note.len == 0 || found.size == contents[i].size);
        buf_free(&note);
    }
    test_key_free(&other);
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_anchor(), ERR_IO);
    rmdir(path);
    unlink(lock);
    rmdir(folder);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(open_anchor(), ERR_UNAVAILABLE);
}

/* --- What the store has recorded. --- */

static void the_record_counts(void **state)
{
    (void)state;
    append(5);
    assert_int_equal(open_anchor(), ERR_OK);
    assert_int_equal(found.is, TLOG_ANCHOR_BEGINS);
    checkpoint_is(5); /* writes it */
    holds(5);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_BEGINS); /* it stands there, and is not recorded */
    record(TLOG_RECORD_USED);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_AGREES);
    unlink(path);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_GONE);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(tlog_anchor_open(event_log, NULL, "this server", &found), ERR_OK);
    assert_int_equal(found.is, TLOG_ANCHOR_UNSET);
    record(TLOG_RECORD_NONE);
    close_log();
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(tlog_anchor_open(event_log, NULL, "this server", &found), ERR_OK);
    assert_int_equal(found.is, TLOG_ANCHOR_NONE);
}

/* An adoption that was interrupted before the anchor was written goes on, and only that one. */
static void an_adoption_goes_on(void **state)
{
    (void)state;
    uint8_t root[SHA256_SIZE] = { 1 };
    struct buf lost = note_of(50, root, &key, ORIGIN), newer = note_of(51, root, &key, ORIGIN);
    append(5);
    put(lost.ptr, lost.len);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_BEHIND);
    record(TLOG_RECORD_ADOPTED);
    put(newer.ptr, newer.len);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_BEHIND);
    unlink(path);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_GONE);
    put(lost.ptr, lost.len);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_BEGINS);
    checkpoint_is(6);
    holds(6);
    record(TLOG_RECORD_USED);
    put(lost.ptr, lost.len);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_BEHIND);
    buf_free(&lost);
    buf_free(&newer);
}

/* --- Publishing. --- */

static enum err proof_of(uint64_t index)
{
    struct buf proof = { 0 };
    enum err e = tlog_proof(event_log, index, &proof);
    buf_free(&proof);
    return e;
}

static void is_kept_back(void)
{
    struct buf note = { 0 };
    uint64_t size = 0;
    assert_int_equal(tlog_checkpoint(event_log, &note, &size), ERR_UNAVAILABLE);
    assert_int_equal(note.len, 0);
    buf_free(&note);
}

static void status_is(bool due, uint64_t size, const char *words)
{
    struct tlog_anchor_status status;
    tlog_anchor_look(event_log, &status);
    assert_true(status.used && status.due == due && status.size == size);
    if ((words == NULL) != (status.words[0] == '\0') ||
        (words != NULL && strstr(status.words, words) == NULL))
        fail_msg("says \"%s\"", status.words);
    assert_null(strstr(status.words, folder)); /* Health tells no path */
}

static void nothing_is_given_away_that_is_not_there(void **state)
{
    (void)state;
    char away[128];
    snprintf(away, sizeof(away), "%s.away", folder);
    append(5);
    assert_int_equal(open_anchor(), ERR_OK);
    checkpoint_is(5);
    status_is(false, 5, NULL);
    append(3);
    status_is(true, 5, NULL);
    assert_int_equal(rename(folder, away), 0); /* its place is not mounted */
    is_kept_back();
    status_is(true, 5, "mounted");
    assert_int_equal(proof_of(4), ERR_OK); /* under what was published */
    assert_int_equal(proof_of(5), ERR_UNAVAILABLE);
    assert_int_equal(mkdir(folder, 0700), 0); /* an empty folder is no second place either */
    is_kept_back();
    assert_int_equal(rmdir(folder), 0);
    append(1); /* changes go on */
    assert_int_equal(rename(away, folder), 0);
    holds(5);
    checkpoint_is(9);
    holds(9);
    status_is(false, 9, NULL);
}

static void a_stranger_is_not_replaced(void **state)
{
    (void)state;
    char text[HELD_MAX];
    append(5);
    assert_int_equal(open_anchor(), ERR_OK);
    checkpoint_is(5);
    put("who is this", 11);
    append(1);
    is_kept_back();
    status_is(true, 5, "copy of the server");
    assert_int_equal(get(text), 11);
    assert_string_equal(text, "who is this");
}

/* The store's newest checkpoint was signed and stored, and the process died before the anchor
 * had it: it was not given away. */
static void the_anchor_says_what_was_published(void **state)
{
    (void)state;
    append(5);
    assert_int_equal(open_anchor(), ERR_OK);
    checkpoint_is(5);
    record(TLOG_RECORD_USED);
    append(4);
    assert_int_equal(unlink(path), 0);
    is_kept_back(); /* of 10 entries, and stored */
    struct buf note = { 0 };
    uint8_t root[SHA256_SIZE];
    root_of(5, false, root);
    note = note_of(5, root, &key, ORIGIN);
    put(note.ptr, note.len);
    reopen();
    assert_int_equal(found.is, TLOG_ANCHOR_AGREES);
    status_is(true, 5, NULL);
    checkpoint_is(10);
    holds(10);
    buf_free(&note);
}

/* A second place that does not answer: fsync() of a thread that says so returns when it is let
 * go. A double in the place of libc's. */
static pthread_mutex_t hang_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hang_changed = PTHREAD_COND_INITIALIZER;
static bool hangs, stands;
static _Thread_local bool may_hang;

int fsync(int fd)
{
    pthread_mutex_lock(&hang_mutex);
    while (may_hang && hangs) {
        stands = true;
        pthread_cond_broadcast(&hang_changed);
        pthread_cond_wait(&hang_changed, &hang_mutex);
    }
    pthread_mutex_unlock(&hang_mutex);
    return (int)syscall(SYS_fsync, fd);
}

static void *publish(void *context)
{
    struct buf note = { 0 };
    uint64_t size = 0;
    may_hang = true;
    *(enum err *)context = tlog_checkpoint(event_log, &note, &size);
    buf_free(&note);
    return NULL;
}

static void a_place_that_hangs_holds_one_thread(void **state)
{
    (void)state;
    pthread_t thread;
    enum err published = ERR_INTERNAL;
    append(5);
    assert_int_equal(open_anchor(), ERR_OK);
    checkpoint_is(5);
    append(1);
    hangs = true;
    assert_int_equal(pthread_create(&thread, NULL, publish, &published), 0);
    pthread_mutex_lock(&hang_mutex);
    while (!stands)
        pthread_cond_wait(&hang_changed, &hang_mutex);
    pthread_mutex_unlock(&hang_mutex);
    append(1);      /* changes go on */
    is_kept_back(); /* of the others each is told after a while */
    assert_int_equal(proof_of(6), ERR_UNAVAILABLE);
    holds(5);
    status_is(true, 5, NULL);
    pthread_mutex_lock(&hang_mutex);
    hangs = false;
    pthread_cond_broadcast(&hang_changed);
    pthread_mutex_unlock(&hang_mutex);
    pthread_join(thread, NULL);
    assert_int_equal(published, ERR_OK);
    holds(6);
    checkpoint_is(7);
    holds(7);
}

static void one_server_at_a_time(void **state)
{
    (void)state;
    struct tlog_anchor_found other;
    assert_int_equal(open_anchor(), ERR_OK);
    struct tlog *mine = event_log;
    struct store *my_store = store;
    char own[sizeof(dir.store)];
    memcpy(own, dir.store, sizeof(own));
    snprintf(dir.store, sizeof(dir.store), "%s/copy.db", dir.folder);
    assert_int_equal(open_log(), ERR_OK);
    assert_int_equal(tlog_anchor_open(event_log, path, "the copy", &other), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "this server"));
    tlog_free(mine); /* the first one ends, however */
    assert_int_equal(tlog_anchor_open(event_log, path, "the copy", &other), ERR_OK);
    close_log();
    store_close(my_store);
    test_dir_remove(&dir); /* the copy's files */
    memcpy(dir.store, own, sizeof(own));
    assert_int_equal(open_log(), ERR_OK);
}

/* --- The lag. --- */

struct lag {
    int64_t lag_us, now_us;
};

static enum err lag_in(struct store_tx *tx, void *context)
{
    struct lag *lag = context;
    lag->now_us = store_now_us(tx);
    return tlog_anchor_lag(event_log, tx, &lag->lag_us);
}

static void append_at(int64_t time_us)
{
    uint64_t time = (uint64_t)time_us;
    assert_int_equal(change(append_one, &time), ERR_OK);
}

static void the_oldest_entry_that_waits_counts(void **state)
{
    (void)state;
    struct lag lag = { 0 };
    enum { MINUTE_US = 60000000 };
    assert_int_equal(look(lag_in, &lag), ERR_OK);
    int64_t now = lag.now_us;
    append_at(now - INT64_C(500) * MINUTE_US);
    assert_int_equal(look(lag_in, &lag), ERR_OK);
    assert_int_equal(lag.lag_us, 0); /* there is no anchor */
    assert_int_equal(open_anchor(), ERR_OK);
    checkpoint_is(1);
    assert_int_equal(look(lag_in, &lag), ERR_OK);
    assert_int_equal(lag.lag_us, 0);
    append_at(now - INT64_C(9) * MINUTE_US);
    append_at(now);
    assert_int_equal(look(lag_in, &lag), ERR_OK);
    assert_true(lag.lag_us >= INT64_C(9) * MINUTE_US && lag.lag_us < INT64_C(400) * MINUTE_US);
    checkpoint_is(3);
    store_clock_offset(store, INT64_C(500) * MINUTE_US);
    append_at(now + INT64_C(500) * MINUTE_US);
    store_clock_offset(store, 0); /* the clock is set back */
    assert_int_equal(look(lag_in, &lag), ERR_OK);
    assert_true(lag.lag_us == INT64_MAX);
}

#define ANCHOR_TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ANCHOR_TEST(contents_are_told_apart),
        ANCHOR_TEST(what_cannot_be_read_is_refused),
        ANCHOR_TEST(the_record_counts),
        ANCHOR_TEST(an_adoption_goes_on),
        ANCHOR_TEST(nothing_is_given_away_that_is_not_there),
        ANCHOR_TEST(a_stranger_is_not_replaced),
        ANCHOR_TEST(the_anchor_says_what_was_published),
        ANCHOR_TEST(a_place_that_hangs_holds_one_thread),
        ANCHOR_TEST(one_server_at_a_time),
        ANCHOR_TEST(the_oldest_entry_that_waits_counts),
    };
    log_set_level(LOG_LEVEL_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
