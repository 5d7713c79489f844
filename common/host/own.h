/* SPDX-License-Identifier: MIT */
/*
 * own: ownership and release of resources, on the host.
 *
 * span borrows (common/core/rd.h), buf owns. A resource is released by its scope (AUTO) and
 * leaves a scope only by TAKE, which nulls the variable. So there is no goto, and TRY is safe
 * anywhere. A buf wipes its bytes when freed, so it may hold secrets. A buf is used by one
 * thread at a time; appending may give ERR_MEMORY.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/core/rd.h"

#define AUTO(drop)                                                                             \
    __attribute__((cleanup(drop))) /* drop(&variable) at the end of its scope                  \
                                    */

#define TAKE(variable)                                                                         \
    ({                                                                                         \
        __typeof__(variable) taken_ = (variable);                                              \
        (variable) = NULL;                                                                     \
        taken_;                                                                                \
    })

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Owned bytes. All zero is an empty buf. */
struct buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
};

enum err buf_append(struct buf *b, struct span bytes); /* grows; old storage is wiped */
enum err buf_resize(struct buf *b, size_t len);        /* new bytes are zero */
enum err buf_copy(struct buf *out, struct span bytes); /* replaces what out held */
struct span buf_span(const struct buf *b);             /* valid until the buf next changes */
struct buf buf_take(struct buf *b);                    /* moves it out, leaves it empty */
void buf_free(struct buf *b);                          /* wipes, frees, leaves it empty */

void free_drop(void *pointer_to_pointer); /* AUTO(free_drop) for what malloc gave */
void fd_drop(int *fd);                    /* AUTO(fd_drop): closes unless -1 */
void wipe(void *ptr, size_t len);         /* not optimised away */
bool ct_eq(struct span a, struct span b); /* constant time in the bytes; lengths are public */
