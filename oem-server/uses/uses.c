/* SPDX-License-Identifier: MIT */
/*
 * uses: the table of use counts per key. Called by hsm for each signature and by tlog for each
 * entry. A signature must be in the table before the HSM is asked for it, and must never be in
 * two entries (test_uses, test_server_uses).
 */
#include "oem-server/uses/uses.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"

static const char magic[8] = "hmuses1";

/* The content of the file. told: counted in entries that are committed. doubt: counted in a
 * group of which it is not known yet whether it was committed. */
struct table {
    char magic[8];
    atomic_uint count;
    atomic_uint in_doubt;
    uint64_t size; /* of the log, with that group */
    uint8_t leaf[SHA256_SIZE];
    struct {
        char key[USES_KEY_MAX];
        _Atomic uint64_t made;
        uint64_t told, doubt;
    } row[USES_MAX];
};

struct view {
    uint64_t taken[USES_MAX]; /* told, and in the group being written */
    uint64_t left[USES_MAX];  /* by the last process, in no entry yet */
};

struct uses {
    pthread_mutex_t lock; /* held while a row is added */
    struct table *table;
    bool mapped;
    struct view told, now, saved; /* told: with the groups that are committed */
};

static void table_begin(struct table *table)
{
    memset(table, 0, sizeof(*table));
    memcpy(table->magic, magic, sizeof(magic));
}

static bool is_table(const struct table *table)
{
    if (memcmp(table->magic, magic, sizeof(magic)) != 0 || table->count > USES_MAX)
        return false;
    for (unsigned i = 0; i < table->count; i++)
        if (memchr(table->row[i].key, '\0', USES_KEY_MAX) == NULL ||
            table->row[i].told > table->row[i].made)
            return false;
    return true;
}

/* All of the file's blocks are taken now: a store to a hole of it on a full disk would end the
 * process with SIGBUS (tests/e2e/disk). */
static enum err map_file(const char *path, struct table **table_out)
{
    struct stat st;
    AUTO(fd_drop) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) != 0 || ftruncate(fd, sizeof(struct table)) != 0)
        return fail(ERR_IO, "uses: %s: %s", path, strerror(errno));
    int refused = posix_fallocate(fd, 0, sizeof(struct table));
    if (refused != 0)
        return fail(ERR_IO, "uses: %s: %s", path, strerror(refused));
    void *at = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return fail(ERR_IO, "uses: %s: %s", path, strerror(errno));
    *table_out = at;
    if (st.st_size == (off_t)sizeof(struct table) && is_table(*table_out))
        return ERR_OK;
    if (st.st_size != 0)
        log_line(LOG_LEVEL_WARN, "uses: %s is no table of signatures: it begins again", path);
    table_begin(*table_out);
    return ERR_OK;
}

/* The view at the start: what was told, and what the last process left untold. */
static void view_begin(struct uses *uses)
{
    for (unsigned i = 0; i < USES_MAX; i++) {
        uses->now.taken[i] = uses->table->row[i].told;
        uses->now.left[i] = uses->table->row[i].made - uses->table->row[i].told;
    }
    uses->saved = uses->told = uses->now;
}

enum err uses_open(const char *path, struct uses **uses_out)
{
    struct uses *uses = calloc(1, sizeof(*uses));
    if (uses == NULL)
        return fail(ERR_MEMORY, "uses: no memory");
    pthread_mutex_init(&uses->lock, NULL);
    uses->mapped = path != NULL;
    enum err e = ERR_OK;
    if (path != NULL)
        e = map_file(path, &uses->table);
    else if ((uses->table = calloc(1, sizeof(*uses->table))) == NULL)
        e = fail(ERR_MEMORY, "uses: no memory");
    if (e != ERR_OK) {
        uses_close(uses);
        return e;
    }
    if (path == NULL)
        table_begin(uses->table);
    view_begin(uses);
    *uses_out = uses;
    return ERR_OK;
}

void uses_close(struct uses *uses)
{
    if (uses == NULL)
        return;
    if (uses->mapped && uses->table != NULL)
        (void)munmap(uses->table, sizeof(*uses->table));
    else
        free(uses->table);
    pthread_mutex_destroy(&uses->lock);
    free(uses);
}

/* Under the lock. The key is written before the row's count becomes visible. */
static unsigned row_of(struct table *table, const char *key)
{
    unsigned i = 0;
    while (i < table->count && strcmp(table->row[i].key, key) != 0)
        i++;
    if (i < table->count)
        return i;
    if (i >= USES_MAX - 1) {
        i = USES_MAX - 1;
        key = "others";
    }
    snprintf(table->row[i].key, USES_KEY_MAX, "%s", key);
    atomic_store(&table->count, i + 1);
    return i;
}

void uses_count(struct uses *uses, const char *key)
{
    char whole[USES_KEY_MAX];
    if (uses == NULL)
        return;
    snprintf(whole, sizeof(whole), "%s", key);
    pthread_mutex_lock(&uses->lock);
    atomic_fetch_add(&uses->table->row[row_of(uses->table, whole)].made, 1);
    pthread_mutex_unlock(&uses->lock);
}

size_t uses_take(struct uses *uses, bool start, struct uses_row rows_out[static USES_MAX])
{
    size_t count = 0;
    unsigned rows = atomic_load(&uses->table->count);
    for (unsigned i = 0; i < rows; i++) {
        uint64_t left = start ? uses->now.left[i] : 0;
        uint64_t made = atomic_load(&uses->table->row[i].made);
        uint64_t fresh = made - uses->now.taken[i] - uses->now.left[i];
        if (fresh == 0 && left == 0)
            continue;
        rows_out[count++] = (struct uses_row){ uses->table->row[i].key, fresh, left };
        uses->now.taken[i] += fresh + left;
        uses->now.left[i] -= left;
    }
    return count;
}

void uses_save(struct uses *uses)
{
    uses->saved = uses->now;
}

void uses_restore(struct uses *uses)
{
    uses->now = uses->saved;
}

void uses_commit(struct uses *uses, uint64_t size, const uint8_t leaf[static SHA256_SIZE])
{
    struct table *table = uses->table;
    for (unsigned i = 0; i < USES_MAX; i++)
        table->row[i].doubt = uses->now.taken[i];
    table->size = size;
    memcpy(table->leaf, leaf, SHA256_SIZE);
    atomic_store(&table->in_doubt, 1);
}

void uses_ended(struct uses *uses, bool committed)
{
    struct table *table = uses->table;
    if (!committed) { /* after a failed sync the group may stand when the next process looks */
        uses->now = uses->told;
        return;
    }
    for (unsigned i = 0; i < USES_MAX; i++)
        table->row[i].told = uses->now.taken[i];
    atomic_store(&table->in_doubt, 0);
    uses->told = uses->now;
}

bool uses_in_doubt(const struct uses *uses, uint64_t *size_out,
                   uint8_t leaf_out[static SHA256_SIZE])
{
    *size_out = uses->table->size;
    memcpy(leaf_out, uses->table->leaf, SHA256_SIZE);
    return atomic_load(&uses->table->in_doubt) != 0;
}

void uses_resolve(struct uses *uses, bool committed)
{
    for (unsigned i = 0; committed && i < USES_MAX; i++)
        uses->table->row[i].told = uses->table->row[i].doubt;
    atomic_store(&uses->table->in_doubt, 0);
    view_begin(uses);
}
