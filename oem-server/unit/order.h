/* SPDX-License-Identifier: MIT */
/*
 * order: an order's terms, stations and counters, and released images. Counters are columns of
 * the order's row, are changed by the events of unit.h, and equal a recount (test_unit_model).
 * An order's images, level and boot key scope do not change (test_unit_table: terms_stay). All
 * functions are steps of a change or a read as unit.h describes, on its thread. Those that
 * change an order give ERR_NOT_FOUND (no such order), ERR_PRECONDITION (closed, or a term that
 * cannot be) and ERR_INVALID (reason), with a message for the operator (test_order). Structs
 * that are filled own their memory: release with the matching _free.
 */
#pragma once

#include "oem-server/unit/unit.h"

enum { ORDER_STATIONS_MAX = 256, ORDER_ATTRIBUTES_MAX = 16, ORDER_PDIDS_MAX = 16 };

struct order_counts {
    uint32_t good, accepted, under_way, issued; /* columns of the row, and: */
    uint32_t unknown; /* places that entries which are lost may have spent (order_adopt()) */
    uint32_t started, finished, committed, sealed, failed, scrapped, unlocked; /* counted */
};
struct order {
    char name[65];
    uint32_t quantity, spares;
    uint8_t firmware_sha256[SHA256_SIZE];
    uint8_t devauth_sha256[SHA256_SIZE];
    uint32_t lock_level;     /* enum LockLevel */
    uint32_t boot_key_scope; /* enum BootKeyScope */
    uint32_t boot_test;      /* enum BootTest */
    int64_t not_before;      /* seconds since 1970 */
    int64_t not_after;
    char lot[65], line[65], part_number[65];
    struct buf attributes; /* encoded Order with its attributes and pdids only */
    bool closed;
    char closed_reason[UNIT_REASON_MAX + 1];
    char (*stations)[65];
    size_t station_count;
};
/* Frees what it owns, not the struct itself. */
void order_free(struct order *order);

/* ERR_EXISTS; ERR_PRECONDITION: image not released or withdrawn, station unknown or revoked. */
enum err order_create(struct store_tx *tx, const struct order *order);
enum err order_get(struct store_tx *tx, const char *name, struct order *order_out);
enum err order_counts_get(struct store_tx *tx, const struct unit_limits *limits,
                          const char *name, struct order_counts *counts_out);
enum err order_list(struct store_tx *tx, const char *after, uint32_t limit,
                    struct order **orders_out, size_t *count_out, bool *more_out);
void order_list_free(struct order *orders, size_t count);

struct order_closed {
    uint32_t failed, runs_ended, unsealed;
};
/* Closes the order: units that have started without a run fail. now: ends open runs too, and
 * calls ended for each. */
enum err order_close(struct store_tx *tx, const char *name, bool now, const char *reason,
                     unit_ended *ended, void *context, struct order_closed *closed_out);
enum err order_extend(struct store_tx *tx, const char *name, int64_t not_after,
                      const char *reason);
/* What is not given stays as it is now: it is read and written in this change. now_out: all,
 * as they are afterwards. unknown: of the places that were unknown, how many were spent; the
 * others are given back. ERR_PRECONDITION: more units are good, under way or issued, or fewer
 * places are unknown. */
struct order_quantity {
    bool quantity_given, spares_given, unknown_given;
    uint32_t quantity, spares, unknown;
};
enum err order_set_quantity(struct store_tx *tx, const char *name,
                            const struct order_quantity *wanted, const char *reason,
                            struct order_quantity *now_out);
/* Entries of the log are lost, and what they did is not known: ends all runs, whose server's
 * they are (calls ended for each), and counts each place that is left in an order that is not
 * closed as unknown, so that no board takes it (test_order). */
struct order_adopted {
    uint32_t orders;
    uint64_t places;
};
enum err order_adopt(struct store_tx *tx, unit_ended *ended, void *context,
                     struct order_adopted *adopted_out);
enum err order_add_station(struct store_tx *tx, const char *name, const char *station,
                           const char *reason);
enum err order_remove_station(struct store_tx *tx, const char *name, const char *station,
                              const char *reason);

/* Compares the counters of all orders with a recount of units and claims; calls differs for
 * each that differs. */
typedef void order_differs(void *context, const char *order, const char *counter,
                           uint32_t in_row, uint32_t counted);
enum err order_recount(struct store_tx *tx, order_differs *differs, void *context);

/* Images. kind is enum ImageKind. */
struct image {
    uint8_t sha256[SHA256_SIZE];
    uint32_t kind;
    char version[65];
    uint32_t version_number, security_counter;
    struct buf sbom_sha256; /* empty: none */
    uint32_t size;
    int64_t released_us;
    bool withdrawn;
    char withdrawn_reason[UNIT_REASON_MAX + 1];
    struct buf bytes; /* image_get only */
};
void image_free(struct image *image);
enum err image_release(struct store_tx *tx, const struct image *image); /* ERR_EXISTS */
/* Hashes the bytes after reading them: ERR_DATA_LOSS if the digest differs (test_order). */
enum err image_get(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                   struct image *image_out);
enum err image_info(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                    struct image *image_out); /* without the bytes */
/* A page of at most limit images, oldest first, after the one with that digest (NULL: from the
 * first; ERR_NOT_FOUND: there is none). images_out: the caller's, for image_list_free(). */
enum err image_list(struct store_tx *tx, const uint8_t *after, uint32_t limit,
                    struct image **images_out, size_t *count_out, bool *more_out);
void image_list_free(struct image *images, size_t count);
/* The units that a withdrawn image concerns. UIDs: UID_SIZE bytes each, UNIT_PAGE_MAX at most.
 */
struct image_units {
    struct buf held; /* finished and committed: held by this, with that cause */
    uint32_t held_count;
    struct buf started; /* not held: no run of theirs gets to the image or past it any more */
    uint32_t started_count;
    uint32_t sealed_count;
};
void image_units_free(struct image_units *units);
/* Withdraws it, holds the finished and committed units that carry it, and names the started
 * ones. */
enum err image_withdraw(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                        const char *reason, struct image_units *units_out);
