/* SPDX-License-Identifier: MIT */
/* internal: struct hsm, for the folder only. */
#pragma once

#include "oem-server/hsm/hsm.h"
#include "oem-server/hsm/session.h"

struct hsm {
    struct module module;
    struct token tokens[HSM_TOKENS];
    uint64_t mend_ms;      /* until then the module is not restarted again */
    struct signer *signer; /* of hsm_key_evp_within(); NULL before the first */
};

/* The token of that role, borrowed from hsm. ERR_INVALID: no such role; ERR_PRECONDITION: this
 * program runs without that token. */
enum err hsm_token_of(struct hsm *hsm, enum hsm_token role, struct token **token_out);
