/* SPDX-License-Identifier: MIT */
/* inside: what the files of this folder share. */
#pragma once

#include "oem-server/config/config.h"

/* A pair of the section "ejbca". known: there is such a key. false: the value is bad. */
bool config_ejbca_take(struct ejbca_config *ejbca, const char *key, const char *value,
                       bool *known);
/* The section is complete for what [ca] and [boot] ask of it. ERR_CONFIG names what is missing.
 */
enum err config_ejbca_complete(const char *path, struct config *config);
void config_ejbca_free(struct ejbca_config *ejbca);

/* value.c. false: the value is bad, or there is no memory. */
bool config_set(char **field, const char *value);
bool config_set_number(unsigned *field, const char *value, unsigned min, unsigned max);
bool config_set_choice(bool *field, const char *value, const char *if_false,
                       const char *if_true);
/* ADDRESS:PORT, [IPV6]:PORT or :PORT. */
bool config_set_listen(struct config *config, const char *value);
