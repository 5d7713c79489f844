/* SPDX-License-Identifier: MIT */
/*
 * The transfers of the libusb stand-in that do not block, as newer OpenOCDs use them. They
 * complete in the order of their submission, inside the calls that handle events.
 */
#include <libusb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tests/interop/board/standin.h"
#include "tests/interop/board/wire.h"

enum { PENDING_MAX = 64 };

static struct pending {
    struct libusb_transfer *transfer;
    int sent; /* OUT: done, and how; else 0 */
    int cancelled;
} pending[PENDING_MAX];

static int pending_count;

struct libusb_transfer *libusb_alloc_transfer(int iso_packets)
{
    return iso_packets == 0 ? calloc(1, sizeof(struct libusb_transfer)) : NULL;
}

void libusb_free_transfer(struct libusb_transfer *transfer)
{
    free(transfer);
}

int libusb_submit_transfer(struct libusb_transfer *transfer)
{
    struct pending p = { .transfer = transfer };
    if (pending_count == PENDING_MAX || transfer->length < 0)
        return LIBUSB_ERROR_NO_MEM;
    if (transfer->endpoint == STANDIN_OUT)
        p.sent =
            wire_send(transfer->dev_handle->fd, transfer->buffer, (size_t)transfer->length) == 0
                ? 1
                : -1;
    pending[pending_count++] = p;
    return 0;
}

int libusb_cancel_transfer(struct libusb_transfer *transfer)
{
    for (int i = 0; i < pending_count; i++)
        if (pending[i].transfer == transfer) {
            pending[i].cancelled = 1;
            return 0;
        }
    return LIBUSB_ERROR_NOT_FOUND;
}

static void complete(int at, enum libusb_transfer_status status, int len)
{
    struct libusb_transfer *transfer = pending[at].transfer;
    memmove(&pending[at], &pending[at + 1],
            (size_t)(pending_count - at - 1) * sizeof(pending[0]));
    pending_count--;
    transfer->status = status;
    transfer->actual_length = len;
    transfer->callback(transfer);
}

/* One that is done for without waiting; else 0. */
static int complete_ready(void)
{
    for (int i = 0; i < pending_count; i++) {
        const struct pending *p = &pending[i];
        if (p->cancelled)
            complete(i, LIBUSB_TRANSFER_CANCELLED, 0);
        else if (p->sent != 0)
            complete(i, p->sent > 0 ? LIBUSB_TRANSFER_COMPLETED : LIBUSB_TRANSFER_NO_DEVICE,
                     p->sent > 0 ? p->transfer->length : 0);
        else
            continue;
        return 1;
    }
    return 0;
}

int libusb_handle_events_timeout_completed(libusb_context *context, struct timeval *limit,
                                           int *completed)
{
    (void)context;
    int wait_ms = limit == NULL ? -1 : (int)(limit->tv_sec * 1000 + limit->tv_usec / 1000);
    if ((completed != NULL && *completed) || complete_ready() || pending_count == 0)
        return 0;
    struct libusb_transfer *in = pending[0].transfer; /* only IN are left */
    int n = wire_receive(in->dev_handle->fd, in->buffer, (size_t)in->length, wait_ms);
    if (n != 0)
        complete(0, n > 0 ? LIBUSB_TRANSFER_COMPLETED : LIBUSB_TRANSFER_NO_DEVICE,
                 n > 0 ? n : 0);
    return 0;
}

int libusb_handle_events_completed(libusb_context *context, int *completed)
{
    struct timeval limit = { .tv_sec = 60 };
    return libusb_handle_events_timeout_completed(context, &limit, completed);
}
