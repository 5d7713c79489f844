/* SPDX-License-Identifier: MIT */
/* services: the generated service structs of this folder's files. For api/ and server/ only. */
#pragma once

#include "hallmark/v1/diagram.pb-c.h"
#include "hallmark/v1/log.pb-c.h"
#include "hallmark/v1/operator.pb-c.h"
#include "hallmark/v1/runs.pb-c.h"
#include "oem-server/call/call.h"

/* All services of the server, NULL-terminated. */
ProtobufCService *const *api_services(void);

extern Hallmark__V1__Pki_Service pki_service;
extern Hallmark__V1__Ca_Service ca_service;
extern Hallmark__V1__SecureBoot_Service secure_boot_service;
extern Hallmark__V1__KeyAgreement_Service key_agreement_service;
extern Hallmark__V1__Runs_Service runs_service;
extern Hallmark__V1__Bench_Service bench_service;
extern Hallmark__V1__Firmware_Service firmware_service;
extern Hallmark__V1__Orders_Service orders_service;
extern Hallmark__V1__Registry_Service registry_service;
extern Hallmark__V1__Units_Service units_service;
extern Hallmark__V1__Approvals_Service approvals_service;
extern Hallmark__V1__RunTable_Service run_table_service;
extern Hallmark__V1__Log_Service log_service;
extern Hallmark__V1__Health_Service health_service;
