/* SPDX-License-Identifier: MIT */
/*
 * softhsm: what SoftHSM 2 loses when its process is killed, kept and put back.
 *
 * C_Login writes token.object in place: truncated, then written. A process that is killed
 * between the two leaves an empty file, and the token, with all its keys, is not found any more
 * (issue 757 of SoftHSM). So a copy is kept beside it, "hallmark.copy", taken before a PIN is
 * sent; and before the module starts, a token.object that is damaged is replaced by its copy
 * (tests/e2e/softhsm). A key that was being made leaves a file without attributes; it is
 * removed. None of this is done for another module. For the folder only.
 */
#pragma once

#include "common/core/err.h"

struct softhsm_files {
    char *folder; /* of all tokens; NULL: the module is not SoftHSM, or keeps no files */
    int lock; /* its descriptor, with a shared lock as long as this process uses it; or -1 */
};

/* Finds the folder of the tokens as SoftHSM does, from SOFTHSM2_CONF and its kin, and locks it.
 * Without a folder of files, s->folder is NULL. */
void softhsm_open(struct softhsm_files *s);
void softhsm_close(struct softhsm_files *s);

/* While no thread of this process is in the module, and it is not initialised. Puts back each
 * token.object that is damaged and has a copy, and takes the copies that are missing or old.
 * Files of keys whose creation was interrupted are removed, unless another process has the
 * folder open. Says on the log what it did, and warns of what it did not manage. Returns how
 * many files it put back or removed (test_hsm_softhsm). */
unsigned softhsm_mend(struct softhsm_files *s);

/* Whether softhsm_mend() would change a file: the same, and changes none. */
unsigned softhsm_damage(struct softhsm_files *s);

/* Before a PIN is sent to the token of that label: its copy is made if it is missing or old. */
void softhsm_keep(struct softhsm_files *s, const char *label);
