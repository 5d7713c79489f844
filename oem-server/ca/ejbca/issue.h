/* SPDX-License-Identifier: MIT */
/* issue: one certificate for one request, however often it is asked for. For the folder only;
 * any thread. */
#pragma once

#include "oem-server/ca/ejbca/inside.h"

enum err issue_once(struct ejbca *e, enum ejbca_use use, const struct backend_request *request,
                    X509 **certificate_out);
/* unused is not in use, stands is: revokes it. */
enum err issue_unused(struct ejbca *e, X509 *unused, X509 *stands);
/* One row of the doubts whose time is over; false: there was none. */
bool issue_tidy(struct ejbca *e);
/* Of a request: its user name in EJBCA. */
enum err issue_user(enum ejbca_use use, const X509_NAME *subject, EVP_PKEY *key,
                    char user_out[static USER_SIZE]);
