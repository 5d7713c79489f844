/* SPDX-License-Identifier: MIT */
/*
 * The service methods' fields, in the order of the .proto files. 7: DENIED, only oemctl init in
 * memory calls it. 37: ORDER, the board's run waits for Runs.Finish. 36: SIG, an altered
 * receipt is not what the board signed, or its tag is not the board's.
 */
#include "tests/unit/svc_entries.h"

#define ALL(e)                                                                                 \
    {                                                                                          \
        ERR_##e, ERR_##e, ERR_##e, ERR_##e, ERR_##e                                            \
    }
/* Not looked at, so taken as it comes; but no message with a string that is none. */
#define TAKEN                                                                                  \
    {                                                                                          \
        ERR_OK, ERR_INVALID, ERR_INVALID, ERR_OK, ERR_OK                                       \
    }

#define ROW(method, field, ...)                                                                \
    {                                                                                          \
        "hallmark.v1." method, field, __VA_ARGS__                                              \
    }

const struct field_row field_rows[] = {
    ROW("Pki/IssueCaCertificates", "organization", ALL(DENIED), NULL),
    ROW("Pki/IssueCaCertificates", "trust_domain", ALL(DENIED), NULL),
    ROW("Pki/IssueCaCertificates", "server_names", ALL(DENIED), NULL),
    ROW("Ca/RequestCertificate", "csr", ALL(ORDER), NULL),
    ROW("SecureBoot/PutFirmware", "sha256", ALL(ORDER), NULL),
    ROW("SecureBoot/PutFirmware", "image", ALL(ORDER), NULL),
    ROW("KeyAgreement/PutTargetPublicKey", "public_key", ALL(ORDER), NULL),
    ROW("KeyAgreement/PutTargetPublicKey", "signature", ALL(ORDER), NULL),
    ROW("Runs/Open", "order", ALL(INVALID), "order"),
    ROW("Runs/Open", "uid", ALL(INVALID), "uid"),
    ROW("Runs/Open", "probe", TAKEN, NULL),
    ROW("Runs/Open", "software", TAKEN, NULL),
    ROW("Runs/FetchImage", "sha256", ALL(DENIED), NULL),
    ROW("Runs/FetchImage", "uid", ALL(DENIED), NULL),
    ROW("Runs/Report", "reports.message", ALL(INVALID), NULL),
    ROW("Runs/Report", "reports.request_sha256", ALL(INVALID), NULL),
    ROW("Runs/Report", "reports.response_sha256", ALL(INVALID), NULL),
    ROW("Runs/Report", "reports.request", ALL(INVALID), NULL),
    ROW("Runs/Finish", "confirmation_tag", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.run_id", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.uid", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.auth_public_key", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.device_certificate_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.web_server_certificate_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.rotpk_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.firmware_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.transcript_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.server_nonce", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.signature", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.devauth_sha256", ALL(SIG), NULL),
    ROW("Runs/Finish", "receipt.slot_kcv", ALL(SIG), NULL),
    ROW("Runs/Commit", "uid", ALL(INVALID), "uid"),
    ROW("Runs/Commit", "statement.run_id", ALL(INVALID), NULL),
    ROW("Runs/Commit", "statement.uid", ALL(INVALID), NULL),
    ROW("Runs/Commit", "statement.kcv", ALL(INVALID), NULL),
    ROW("Runs/Commit", "statement.receipt_sha256", ALL(INVALID), NULL),
    ROW("Runs/Commit", "statement.signature", ALL(INVALID), NULL),
    ROW("Runs/Booted", "uid", ALL(INVALID), "uid"),
    ROW("Runs/Booted", "detail", ALL(INVALID), NULL),
    ROW("Runs/Locked", "uid", ALL(INVALID), "uid"),
    ROW("Runs/Locked", "statement.run_id", ALL(INVALID), NULL),
    ROW("Runs/Locked", "statement.uid", ALL(INVALID), NULL),
    ROW("Runs/Locked", "statement.statement_sha256", ALL(INVALID), NULL),
    ROW("Runs/Locked", "statement.signature", ALL(INVALID), NULL),
    ROW("Runs/Sealed", "uid", ALL(INVALID), "uid"),
    ROW("Runs/Sealed", "detail", ALL(INVALID), NULL),
    ROW("Firmware/Release", "version", ALL(INVALID), NULL),
    ROW("Firmware/Release", "chunk",
        { ERR_INVALID, ERR_TRUNC, ERR_TRUNC, ERR_TRUNC, ERR_TRUNC }, NULL),
    ROW("Firmware/Release", "sbom_sha256", ALL(INVALID), NULL),
    ROW("Firmware/Withdraw", "sha256", ALL(INVALID), NULL),
    ROW("Firmware/Withdraw", "reason", ALL(INVALID), "reason"),
    ROW("Orders/Create", "order.name", ALL(INVALID), "order"),
    ROW("Orders/Create", "order.firmware_sha256", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.devauth_sha256", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.stations", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.lot", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.line", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.part_number", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.attributes.name", ALL(INVALID), NULL),
    ROW("Orders/Create", "order.attributes.value", ALL(INVALID), NULL),
    ROW("Orders/Show", "name", ALL(INVALID), NULL),
    ROW("Orders/List", "after", TAKEN, NULL),
    ROW("Orders/Close", "name", ALL(INVALID), "order"),
    ROW("Orders/Close", "reason", ALL(INVALID), "reason"),
    ROW("Orders/Extend", "name", ALL(INVALID), "order"),
    ROW("Orders/Extend", "reason", ALL(INVALID), "reason"),
    ROW("Orders/SetQuantity", "name", ALL(INVALID), "order"),
    ROW("Orders/SetQuantity", "reason", ALL(INVALID), "reason"),
    ROW("Orders/AddStation", "name", ALL(INVALID), "order"),
    ROW("Orders/AddStation", "station", ALL(INVALID), NULL),
    ROW("Orders/AddStation", "reason", ALL(INVALID), "reason"),
    ROW("Orders/RemoveStation", "name", ALL(INVALID), "order"),
    ROW("Orders/RemoveStation", "station", ALL(INVALID), NULL),
    ROW("Orders/RemoveStation", "reason", ALL(INVALID), "reason"),
    ROW("Registry/Add", "name", ALL(INVALID), NULL),
    ROW("Registry/Add", "csr",
        { ERR_LIMIT, ERR_INVALID, ERR_INVALID, ERR_INVALID, ERR_INVALID }, NULL),
    ROW("Registry/Revoke", "name", ALL(INVALID), NULL),
    ROW("Registry/Revoke", "reason", ALL(INVALID), "reason"),
    ROW("Units/Show", "uid", ALL(INVALID), NULL),
    ROW("Units/List", "order", TAKEN, NULL),
    ROW("Units/List", "station", TAKEN, NULL),
    ROW("Units/List", "state", ALL(INVALID), NULL),
    ROW("Units/List", "after", ALL(INVALID), NULL),
    ROW("Units/Release", "uid", ALL(INVALID), "uid"),
    ROW("Units/Release", "reason", ALL(INVALID), "reason"),
    ROW("Units/Scrap", "uid", ALL(INVALID), "uid"),
    ROW("Units/Scrap", "reason", ALL(INVALID), "reason"),
    ROW("Units/Accept", "uid", ALL(INVALID), "uid"),
    ROW("Units/Accept", "reason", ALL(INVALID), "reason"),
    ROW("Units/Hold", "uid", ALL(INVALID), "uid"),
    ROW("Units/Hold", "reason", ALL(INVALID), "reason"),
    ROW("Units/Allow", "uid", ALL(INVALID), "uid"),
    ROW("Units/Allow", "reason", ALL(INVALID), "reason"),
    ROW("Units/Reassign", "uid", ALL(INVALID), "uid"),
    ROW("Units/Reassign", "from",
        { ERR_PRECONDITION, ERR_INVALID, ERR_INVALID, ERR_PRECONDITION, ERR_PRECONDITION },
        NULL),
    ROW("Units/Reassign", "to", ALL(INVALID), NULL),
    ROW("Units/Reassign", "reason", ALL(INVALID), "reason"),
    ROW("RunTable/End", "run_id", ALL(INVALID), "run_id"),
    ROW("RunTable/End", "reason", ALL(INVALID), "reason"),
    ROW("Log/GetState", "after", ALL(INVALID), NULL),
    ROW("Bench/TurnAway", "order", TAKEN, "order"),
    ROW("Bench/TurnAway", "probe", { ERR_INVALID, ERR_INVALID, ERR_INVALID, ERR_OK, ERR_OK },
        NULL),
    ROW("Bench/TurnAway", "message", TAKEN, "message"),
};
const size_t field_row_count = sizeof(field_rows) / sizeof(field_rows[0]);
