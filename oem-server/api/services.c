/* SPDX-License-Identifier: MIT */
/*
 * services: the list of the server's services. call.c dispatches by it; auth/methods.c has a
 * row for each method, and test_auth compares the two. A service that is not in it is not
 * served.
 */
#include "oem-server/api/services.h"

static ProtobufCService *const services[] = {
    &pki_service.base,           &ca_service.base,        &secure_boot_service.base,
    &key_agreement_service.base, &runs_service.base,      &firmware_service.base,
    &orders_service.base,        &registry_service.base,  &units_service.base,
    &run_table_service.base,     &log_service.base,       &health_service.base,
    &bench_service.base,         &approvals_service.base, NULL,
};

ProtobufCService *const *api_services(void)
{
    return services;
}
