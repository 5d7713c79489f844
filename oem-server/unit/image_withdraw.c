/* SPDX-License-Identifier: MIT */
/* An image is withdrawn: orders with it open no run, and units that carry it are held, each
 * with the reason. Called by the service Firmware. */
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

void image_units_free(struct image_units *units)
{
    buf_free(&units->held);
    buf_free(&units->started);
    *units = (struct image_units){ 0 };
}

/* Whether a started unit carries the image, nothing can tell: arrow 24 is between station and
 * board. Those that may are named. */
static enum err started_list(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                             struct image_units *units)
{
    uint64_t count = 0;
    TRY(unit_uids(tx, STATEMENT_UNIT_STARTED_BY_FIRMWARE,
                  VALUES(value_bytes(sha256, SHA256_SIZE), value_number(UNIT_PAGE_MAX)),
                  &units->started));
    TRY(query_count(tx, STATEMENT_UNIT_STARTED_BY_FIRMWARE_COUNT,
                    VALUES(value_bytes(sha256, SHA256_SIZE)), &count));
    units->started_count = (uint32_t)count;
    return ERR_OK;
}

static enum err units_find(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                           const char *reason, struct image_units *units)
{
    uint64_t sealed = 0;
    TRY(hold_firmware(tx, sha256, reason, &units->held, &units->held_count));
    TRY(started_list(tx, sha256, units));
    TRY(query_count(tx, STATEMENT_UNIT_SEALED_BY_FIRMWARE,
                    VALUES(value_bytes(sha256, SHA256_SIZE)), &sealed));
    units->sealed_count = (uint32_t)sealed;
    return ERR_OK;
}

enum err image_withdraw(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                        const char *reason, struct image_units *units_out)
{
    AUTO(image_free) struct image image = { 0 };
    AUTO(image_units_free) struct image_units units = { 0 };
    TRY(reason_check(reason));
    enum err found = image_info(tx, sha256, &image);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(found, "there is no image with this digest");
    TRY(found);
    if (image.withdrawn)
        return fail_quiet(ERR_PRECONDITION, "image %s was withdrawn already: %s", image.version,
                          image.withdrawn_reason);
    TRY(row_write(tx, ROW_IMAGE, VALUES_ONLY(value_bytes(sha256, SHA256_SIZE)),
                  STATEMENT_IMAGE_WITHDRAW,
                  VALUES(value_bytes(sha256, SHA256_SIZE), value_text(reason)), NULL));
    TRY(units_find(tx, sha256, reason, &units));
    image_units_free(units_out);
    *units_out = units;
    units = (struct image_units){ 0 };
    return ERR_OK;
}
