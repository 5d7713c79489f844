/* SPDX-License-Identifier: MIT */
/*
 * The list of statements.h as a table. Called by the backends, and for messages. It must hold
 * nothing but that list.
 */
#include "oem-server/store/statements.h"

static const struct {
    const char *name;
    const char *sql;
} statements[] = {
#define X(name, sql)             { #name, sql },
#define STATEMENT_ROW(name, sql) X(name, sql)
    STATEMENT_LIST_STORE(X) STATEMENT_LIST_ORDER(X) STATEMENT_LIST_UNIT(X)
        ROW_LIST(STATEMENT_OF_KIND)
#undef STATEMENT_ROW
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
