/* SPDX-License-Identifier: MIT */
/*
 * budget: the rows of the table as text, and token buckets. Called by all that charge a budget,
 * and by the test that compares the README. It must not depend on any other folder of the
 * server.
 */
#include "oem-server/budget/budget.h"

#include <stdio.h>

enum { MIB = 1 << 20 };

struct number {
    unsigned value; /* 0: no such limit */
    const char *unit;
};

static const struct {
    const char *what;
    struct number principal, address, all;
    const char *over, *test;
} rows[BUDGET_ROWS] = {
    { "connections",
      { BUDGET_CONNECTIONS, "" },
      { 0, "" },
      { 0, "" },
      "closed with 1013",
      "test_call_budget.c" },
    { "TLS handshakes not done",
      { 0, "" },
      { BUDGET_HANDSHAKES_ADDRESS, "" },
      { BUDGET_HANDSHAKES_ALL, "" },
      "the oldest is closed",
      "test_wss_strangers.c" },
    { "time for a handshake",
      { 0, "" },
      { BUDGET_HANDSHAKE_S, " s" },
      { 0, "" },
      "closed",
      "test_wss_strangers.c" },
    { "time that handshakes of unknown addresses sign",
      { 0, "" },
      { 0, "" },
      { BUDGET_SIGNING_PERCENT, " %" },
      "they wait, in order",
      "test_wss_strangers.c" },
    { "bytes received: messages not whole, calls not served",
      { BUDGET_RECEIVED / MIB, " MiB" },
      { 0, "" },
      { BUDGET_RECEIVED_ALL / MIB, " MiB" },
      "the call is refused; a message not whole: closed with 1013",
      "test_call_budget.c" },
    { "bytes of answers not read",
      { BUDGET_UNREAD / MIB, " MiB" },
      { 0, "" },
      { 0, "" },
      "calls are refused",
      "test_call_budget.c" },
    { "threads of streaming calls",
      { BUDGET_STREAMS_ALL / 2, "" },
      { 0, "" },
      { BUDGET_STREAMS_ALL, "" },
      "the call is refused",
      "test_work.c" },
    { "runs open",
      { BUDGET_RUNS, "" },
      { 0, "" },
      { BUDGET_RUNS_ALL, "" },
      "Runs.Open is refused",
      "test_call_budget.c" },
    { "Runs.Open a minute",
      { BUDGET_OPENS, "" },
      { 0, "" },
      { 0, "" },
      "Runs.Open is refused",
      "test_call_budget.c" },
    { "log entries of a run",
      { BUDGET_RUN_ENTRIES, "" },
      { 0, "" },
      { 0, "" },
      "the call is refused and the run ends",
      "test_call_budget.c" },
    { "log entries of refusals, a minute",
      { 60000 / BUDGET_REFUSAL_MS, "" },
      { 0, "" },
      { 60 * BUDGET_TLS_REFUSALS, " (TLS)" },
      "summed up in one entry",
      "test_call_budget.c" },
};

static const char *cell(struct number number, char text[static BUDGET_CELL])
{
    if (number.value == 0)
        return "-";
    snprintf(text, BUDGET_CELL, "%u%s", number.value, number.unit);
    return text;
}

void budget_line(unsigned row, char *line, size_t size)
{
    char principal[BUDGET_CELL], address[BUDGET_CELL], all[BUDGET_CELL];
    snprintf(line, size, "| %s | %s | %s | %s | %s | `%s` |", rows[row].what,
             cell(rows[row].principal, principal), cell(rows[row].address, address),
             cell(rows[row].all, all), rows[row].over, rows[row].test);
}

unsigned budget_left(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms)
{
    uint64_t more = (now_ms - bucket->filled_ms) / rate.each_ms;
    bool full = more >= rate.burst - bucket->tokens;
    bucket->tokens = full ? rate.burst : bucket->tokens + (unsigned)more;
    bucket->filled_ms = full ? now_ms : bucket->filled_ms + more * rate.each_ms;
    return bucket->tokens;
}

bool budget_take(struct budget_bucket *bucket, struct budget_rate rate, uint64_t now_ms)
{
    if (budget_left(bucket, rate, now_ms) == 0)
        return false;
    bucket->tokens--;
    return true;
}
