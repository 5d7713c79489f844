/* SPDX-License-Identifier: MIT */
/*
 * names: makes subjects and subject alternative names, and checks each part. For the folder
 * only. ERR_INVALID names the part that is wrong; what is returned is the caller's.
 */
#pragma once

#include <openssl/x509v3.h>

#include "common/core/err.h"

enum { NAMES_SERVER_MAX = 8 };

/* The parts of a subject, in this order; NULL: left out. */
struct names_subject {
    const char *organization;
    const char *unit;
    const char *common_name;
    const char *serial_number;
};
enum err names_subject_make(const struct names_subject *parts, X509_NAME **name_out);

enum err
names_organization_check(const char *organization); /* 1-64 bytes, nothing unprintable */

/* A subject alternative name with one URI. */
enum err names_uri(const char *uri, GENERAL_NAMES **san_out);

/* DNS names or IP addresses, NULL-terminated, at least one. */
enum err names_server(const char *const names[], GENERAL_NAMES **san_out);
