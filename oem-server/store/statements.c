/* SPDX-License-Identifier: MIT */
#include "oem-server/store/statements.h"

static const struct {
    const char *name;
    const char *sql;
} statements[] = {
#define X(name, sql) { #name, sql },
    STATEMENT_LIST(X)
#undef X
};

const char *statement_sql(enum statement statement)
{
    return statements[statement].sql;
}

const char *statement_name(enum statement statement)
{
    return statements[statement].name;
}
