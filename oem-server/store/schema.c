/* SPDX-License-Identifier: MIT */
/* The tables, as migrations. Read by store_open() only. Rows that the code must not write are
 * refused here as well: test_unit_table compares the rules with unit/table.h. */
#include "oem-server/store/schema.h"

#include "common/host/own.h"
#include "oem-server/store/schema_log.h"
#include "oem-server/store/schema_orders.h"
#include "oem-server/store/schema_people.h"
#include "oem-server/store/schema_policy.h"
#include "oem-server/store/schema_units.h"

const char schema_base[] =
    "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY);";

/* Append, never edit one that was released (README.md: none was yet). */
const char *const schema_migrations[] = {
    /* 1 */
    SCHEMA_PEOPLE SCHEMA_ORDERS SCHEMA_UNITS SCHEMA_FACTS SCHEMA_HOLDS SCHEMA_KEYS SCHEMA_LOG
        SCHEMA_PRINCIPAL_KEYS SCHEMA_APPROVALS SCHEMA_SEIZURES,
};
const unsigned schema_version = COUNT(schema_migrations);
