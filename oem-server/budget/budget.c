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
    const char *over, *file, *test;
} rows[BUDGET_ROWS] = {
    { "connections",
      { BUDGET_CONNECTIONS, "" },
      { 0, "" },
      { 0, "" },
      "closed with 1013",
      "test_call_budget.c",
      "connections" },
    { "TLS handshakes not done",
      { 0, "" },
      { BUDGET_HANDSHAKES_ADDRESS, "" },
      { BUDGET_HANDSHAKES_ALL, "" },
      "the oldest is closed",
      "test_wss_strangers.c",
      "the_silent_are_few_and_go" },
    { "time for a handshake",
      { 0, "" },
      { BUDGET_HANDSHAKE_S, " s" },
      { 0, "" },
      "closed",
      "test_wss_strangers.c",
      "the_silent_are_few_and_go" },
    { "time that handshakes of unknown addresses sign",
      { 0, "" },
      { 0, "" },
      { BUDGET_SIGNING_PERCENT, " %" },
      "they wait, in order",
      "test_wss_strangers.c",
      "the_connected_and_the_known_are_served" },
    { "bytes received: messages not whole, calls not served",
      { BUDGET_RECEIVED / MIB, " MiB" },
      { 0, "" },
      { BUDGET_RECEIVED_ALL / MIB, " MiB" },
      "the call is refused; a message not whole: closed with 1013",
      "test_call_budget.c",
      "bytes_received" },
    { "bytes of streams' messages not taken",
      { BUDGET_STREAMS_ALL / 2 * BUDGET_STREAM_MIB, " MiB" },
      { 0, "" },
      { BUDGET_STREAMS_ALL * BUDGET_STREAM_MIB, " MiB" },
      "closed with 1002",
      "test_peer_stream.c",
      "credit_cannot_be_exceeded" },
    { "bytes of streams' messages before the connection is admitted",
      { BUDGET_EARLY / MIB, " MiB" },
      { 0, "" },
      { BUDGET_EARLY_ALL / MIB, " MiB" },
      "the call is refused",
      "test_call_budget.c",
      "bytes_before_admission" },
    { "bytes of answers not read",
      { BUDGET_UNREAD / MIB, " MiB" },
      { 0, "" },
      { BUDGET_UNREAD_ALL / MIB, " MiB" },
      "calls are refused",
      "test_call_budget.c",
      "bytes_unread" },
    { "threads of streaming calls",
      { BUDGET_STREAMS_ALL / 2, "" },
      { 0, "" },
      { BUDGET_STREAMS_ALL, "" },
      "the call is refused",
      "test_work.c",
      "a_caller_gets_no_more_than_is_left" },
    { "runs open",
      { BUDGET_RUNS, "" },
      { 0, "" },
      { BUDGET_RUNS_ALL, "" },
      "Runs.Open is refused",
      "test_call_budget.c",
      "runs_open" },
    { "Runs.Open a minute",
      { BUDGET_OPENS, "" },
      { 0, "" },
      { 0, "" },
      "Runs.Open is refused",
      "test_call_budget.c",
      "opens_a_minute" },
    { "Runs.Commit, Booted, Locked, Sealed a minute",
      { BUDGET_CLOSINGS, "" },
      { 0, "" },
      { 0, "" },
      "the call is refused",
      "test_call_budget.c",
      "closings_a_minute" },
    { "requests pending a second operator's approval",
      { BUDGET_APPROVALS, "" },
      { 0, "" },
      { BUDGET_APPROVALS_ALL, "" },
      "the act is refused",
      "test_approval.c",
      "requests_are_bounded" },
    { "log entries of a run",
      { BUDGET_RUN_ENTRIES, "" },
      { 0, "" },
      { 0, "" },
      "the call is refused and the run ends",
      "test_call_budget.c",
      "entries_of_a_run" },
    { "log entries of refusals, a minute",
      { 60000 / BUDGET_REFUSAL_MS, "" },
      { 0, "" },
      { 0, "" },
      "summed up in one entry",
      "test_call_budget.c",
      "entries_of_refusals" },
    { "log entries of failed TLS handshakes, a minute",
      { 0, "" },
      { 0, "" },
      { 60000 / BUDGET_REFUSAL_MS, "" },
      "summed up in one entry",
      "test_call_budget.c",
      "entries_of_tls_refusals" },
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
    snprintf(line, size, "| %s | %s | %s | %s | %s | `%s`, %s |", rows[row].what,
             cell(rows[row].principal, principal), cell(rows[row].address, address),
             cell(rows[row].all, all), rows[row].over, rows[row].file, rows[row].test);
}

void budget_test(unsigned row, const char **file_out, const char **test_out)
{
    *file_out = rows[row].file;
    *test_out = rows[row].test;
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
