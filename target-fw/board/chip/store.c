/* SPDX-License-Identifier: MIT */
/*
 * The state file: made whole, checked on opening, mapped. Called by chip.c and the blocks. The
 * order of the stores is what a kill may interrupt at any point: it must never show a slot as
 * used before its content is there.
 */
#include "target-fw/board/chip/store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/draft.h"
#include "common/host/log.h"
#include "common/host/own.h"

static const char magic[8] = "HMBOARD";

enum { DPM_UPDATES_MAX = 7, FVC_MAX = 255, PAGE_BYTES = 4096 };

/* CRC-32 as in IEEE 802.3, reflected. */
uint32_t store_crc(const void *ptr, size_t len)
{
    const uint8_t *bytes = ptr;
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320U & (0U - (crc & 1U)));
    }
    return ~crc;
}

/* Stores before this one reach the mapping before stores after it. */
static void ordered(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

uint32_t store_otp_crc(const struct store_otp *slot)
{
    return store_crc(&slot->meta, sizeof(slot->meta) + sizeof(slot->words));
}

uint32_t store_key_crc(const struct store_key *slot)
{
    return store_crc(&slot->meta, sizeof(slot->meta) + sizeof(slot->words));
}

void store_otp_burn(struct store_otp *slot, uint32_t meta, const uint32_t *words)
{
    store_otp_tear(slot, meta, words, STORE_OTP_WORDS, true);
}

void store_otp_tear(struct store_otp *slot, uint32_t meta, const uint32_t *words, size_t count,
                    bool used)
{
    for (size_t i = 0; i < count; i++)
        slot->words[i] |= words[i];
    ordered();
    if (!used)
        return;
    slot->meta |= meta;
    slot->crc = store_otp_crc(slot);
    ordered();
    *(volatile uint32_t *)&slot->used = STORE_USED;
    ordered();
}

void store_key_write(struct store_key *slot, uint32_t meta, const uint32_t *words, size_t count)
{
    *(volatile uint32_t *)&slot->used = 0;
    ordered();
    slot->revoked = 0;
    slot->meta = meta;
    memset(slot->words, 0, sizeof(slot->words));
    memcpy(slot->words, words, count * sizeof(*words));
    slot->crc = store_key_crc(slot);
    ordered();
    *(volatile uint32_t *)&slot->used = STORE_USED;
    ordered();
}

static uint32_t dpm_crc(const struct store_dpm *dpm)
{
    return store_crc(dpm->password, sizeof(dpm->password) + 2 * sizeof(uint32_t));
}

void store_dpm_seal(struct store_dpm *dpm)
{
    dpm->crc = dpm_crc(dpm);
    ordered();
}

static uint32_t head_crc(const struct store_head *head)
{
    return store_crc(head, offsetof(struct store_head, head_crc));
}

static enum err image_make(struct store_image *image)
{
    memset(image, 0xff, sizeof(*image));
    memset(image->head_bytes, 0, sizeof(image->head_bytes));
    struct store_head *head = &image->head;
    memcpy(head->magic, magic, sizeof(magic));
    head->version = STORE_VERSION;
    head->size = sizeof(*image);
    if (RAND_bytes((uint8_t *)head->uid, sizeof(head->uid)) != 1 ||
        RAND_bytes((uint8_t *)head->ucid, sizeof(head->ucid)) != 1)
        return fail(ERR_INTERNAL, "store: no random bytes for a UID");
    head->head_crc = head_crc(head);
    for (size_t i = 0; i < COUNT(head->dpm); i++)
        store_dpm_seal(&head->dpm[i]);
    return ERR_OK;
}

static bool word_is_flag(uint32_t word, uint32_t on)
{
    return word == 0 || word == on;
}

static bool otp_valid(const struct store_otp *slot)
{
    return word_is_flag(slot->used, STORE_USED) && word_is_flag(slot->revoked, STORE_REVOKED) &&
           (slot->used == 0 || slot->crc == store_otp_crc(slot));
}

static bool key_valid(const struct store_key *slot)
{
    return word_is_flag(slot->used, STORE_USED) && word_is_flag(slot->revoked, STORE_REVOKED) &&
           (slot->used == 0 || slot->crc == store_key_crc(slot));
}

static bool stage_valid(uint32_t stage)
{
    return stage == 0 || stage == 1 || stage == 3 || stage == 7;
}

/* A kill between a counter and its checksum may leave an unsealed record: the silicon's own
 * counters have no such gap, so it is sealed again as long as its values are legal. */
static bool dpm_valid(struct store_dpm *dpm)
{
    if (dpm->flags > 7 || dpm->updates > DPM_UPDATES_MAX || dpm->failures > 0xffff)
        return false;
    if (dpm->crc != dpm_crc(dpm))
        store_dpm_seal(dpm);
    return true;
}

static enum err image_check(struct store_image *image, const char *path)
{
    struct store_head *head = &image->head;
    if (memcmp(head->magic, magic, sizeof(magic)) != 0)
        return fail(ERR_CONFIG, "store: %s: not a board state file", path);
    if (head->version != STORE_VERSION || head->size != sizeof(*image))
        return fail(ERR_CONFIG, "store: %s: version %u size %u, expected %d and %zu", path,
                    head->version, head->size, STORE_VERSION, sizeof(*image));
    if (head->head_crc != head_crc(head))
        return fail(ERR_DATA_LOSS, "store: %s: header checksum", path);
    if (!stage_valid(head->plm_stage) || !stage_valid(head->plm_next) ||
        (head->plm_stage & ~head->plm_next) != 0)
        return fail(ERR_DATA_LOSS, "store: %s: life cycle %u to %u", path, head->plm_stage,
                    head->plm_next);
    for (size_t i = 0; i < COUNT(head->dpm); i++)
        if (!dpm_valid(&head->dpm[i]))
            return fail(ERR_DATA_LOSS, "store: %s: debug protection record %zu", path, i);
    for (size_t i = 0; i < COUNT(head->fvc); i++)
        if (head->fvc[i] > FVC_MAX)
            return fail(ERR_DATA_LOSS, "store: %s: version counter %zu", path, i);
    for (size_t i = 0; i < COUNT(head->otp); i++)
        if (!otp_valid(&head->otp[i]))
            return fail(ERR_DATA_LOSS, "store: %s: OTP slot %zu", path, i);
    for (size_t i = 0; i < COUNT(head->keys); i++)
        if (!key_valid(&head->keys[i]))
            return fail(ERR_DATA_LOSS, "store: %s: key slot %zu", path, i);
    return ERR_OK;
}

static enum err map(struct store *store, int fd, int flags)
{
    void *at = mmap(NULL, sizeof(struct store_image), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (at == MAP_FAILED)
        return fail(ERR_MEMORY, "store: mmap: %s", strerror(errno));
    store->image = at;
    return ERR_OK;
}

static enum err image_write(const char *path, const struct store_image *image)
{
    AUTO(draft_drop) struct draft draft = { 0 };
    TRY(draft_open(path, &draft));
    TRY(draft_write(&draft, span_of(image, sizeof(*image))));
    return draft_replace(&draft, 0600);
}

/* A fresh board: complete before it has its name. */
static enum err file_make(const char *path)
{
    AUTO(free_drop) struct store_image *image = malloc(sizeof(*image));
    if (image == NULL)
        return fail(ERR_MEMORY, "store: %zu bytes", sizeof(*image));
    TRY(image_make(image));
    enum err e = image_write(path, image);
    if (e == ERR_OK)
        return ERR_OK;
    char words[FAIL_WORDS_MAX]; /* said quietly: the board's user reads the log */
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail(e, "store: %s", words);
}

static enum err file_size_check(int fd, const char *path)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(ERR_IO, "store: %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(ERR_CONFIG, "store: %s: not a regular file", path);
    if ((size_t)st.st_size != sizeof(struct store_image))
        return fail(ERR_CONFIG, "store: %s: %lld bytes, expected %zu", path,
                    (long long)st.st_size, sizeof(struct store_image));
    return ERR_OK;
}

static enum err file_open(struct store *store, const char *path)
{
    if (access(path, F_OK) != 0 && errno == ENOENT)
        TRY(file_make(path));
    AUTO(fd_drop) int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return fail(ERR_IO, "store: %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return fail(ERR_BUSY, "store: %s: in use by another process", path);
    TRY(file_size_check(fd, path));
    TRY(map(store, fd, MAP_SHARED));
    enum err e = image_check(store->image, path);
    if (e != ERR_OK) {
        munmap(store->image, sizeof(*store->image));
        store->image = NULL;
        return e;
    }
    store->fd = fd;
    fd = -1;
    return ERR_OK;
}

enum err store_open(struct store *out, const char *path)
{
    struct store store = { .fd = -1 };
    if (path != NULL) {
        TRY(file_open(&store, path));
    } else {
        TRY(map(&store, -1, MAP_PRIVATE | MAP_ANONYMOUS));
        TRY(image_make(store.image));
    }
    *out = store;
    return ERR_OK;
}

void store_sync(const struct store *store, const void *from, size_t len)
{
    uintptr_t start = (uintptr_t)from & ~(uintptr_t)(PAGE_BYTES - 1);
    size_t whole = len + ((uintptr_t)from - start);
    union {
        uintptr_t number;
        void *ptr;
    } page = { start };
    if (store->fd >= 0 && msync(page.ptr, whole, MS_SYNC) != 0)
        log_line(LOG_LEVEL_WARN, "store: msync: %s", strerror(errno));
}

void store_sync_head(const struct store *store)
{
    store_sync(store, &store->image->head, sizeof(store->image->head));
}

void store_close(struct store *store)
{
    if (store->image != NULL) {
        store_sync(store, store->image, sizeof(*store->image));
        munmap(store->image, sizeof(*store->image));
    }
    store->image = NULL;
    fd_drop(&store->fd);
}
