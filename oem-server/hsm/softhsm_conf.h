/* SPDX-License-Identifier: MIT */
/* softhsm_conf: where SoftHSM 2 keeps its tokens, by its own configuration. For softhsm.c. */
#pragma once

/* The folder of the tokens, from the file that SOFTHSM2_CONF names, or that of the user, or
 * that of the system. The caller frees it. NULL: there is none, or tokens are not kept in
 * files. */
char *softhsm_conf_folder(void);
