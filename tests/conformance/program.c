/* SPDX-License-Identifier: MIT */
#include "tests/conformance/program.h"

#include <stdio.h>
#include <time.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "tests/conformance/log_watch.h"

enum {
    PHASES_MAX = 64,
    PHASE_MS = 30000,
    HEAD_BYTES = 24,
    ROW_BYTES = 16,
    XPSR_THUMB = 1 << 24,
    WHY_MAX = 240,
};

struct run {
    struct bench *bench;
    const struct image *image;
    struct rows *rows;
    struct log_watch watch;
    struct results results;
    bool locked_up;
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static enum err start(struct run *run, uint32_t phase)
{
    static const uint8_t zero[HEAD_BYTES];
    struct mem *mem = &run->bench->mem;
    uint32_t results = run->image->described.results;
    TRY(mem_write(mem, PROGRAM_BASE, buf_span(&run->image->bytes)));
    TRY(mem_write(mem, results, SPAN(zero)));
    TRY(mem_write_word(mem, results, phase));
    TRY(core_vector_table(mem, PROGRAM_BASE));
    TRY(core_register_write(mem, CORE_XPSR, XPSR_THUMB));
    TRY(core_register_write(mem, CORE_CONTROL, 0));
    TRY(core_register_write(mem, CORE_MSPLIM, 0));
    TRY(core_register_write(mem, CORE_MSP, run->image->initial_sp));
    TRY(core_register_write(mem, CORE_PC, run->image->entry & ~1u));
    return core_run(mem);
}

/* It ends at its BKPT, or in a lock-up. */
static enum err await_end(struct run *run)
{
    uint64_t deadline = now_ms() + PHASE_MS;
    uint32_t dhcsr = 0;
    do {
        TRY(core_status(&run->bench->mem, &dhcsr));
        if ((dhcsr & (CORE_S_HALT | CORE_S_LOCKUP)) != 0) {
            run->locked_up = (dhcsr & CORE_S_LOCKUP) != 0;
            return ERR_OK;
        }
    } while (now_ms() < deadline);
    char words[CORE_WORDS_MAX];
    core_describe(&run->bench->mem, words);
    return fail(ERR_DEADLINE, "%s: does not end: %s", run->rows->program, words);
}

static enum err collect(struct run *run)
{
    struct results *results = &run->results;
    static uint8_t bytes[ROWS_MAX * ROW_BYTES];
    struct mem *mem = &run->bench->mem;
    uint32_t at = run->image->described.results;
    TRY(mem_read(mem, at, bytes, HEAD_BYTES));
    struct rd r = rd_of(span_of(bytes, HEAD_BYTES));
    results->phase = rd_u32le(&r);
    results->state = rd_u32le(&r);
    results->then = rd_u32le(&r);
    results->control = rd_u32le(&r);
    results->expected = rd_u32le(&r);
    results->count = rd_u32le(&r);
    if (results->then > THEN_POWER)
        return fail(ERR_PROTO, "%s: asks for reset %u", run->rows->program, results->then);
    if (results->count > ROWS_MAX)
        return fail(ERR_LIMIT, "%s: %u rows, limit %d", run->rows->program, results->count,
                    ROWS_MAX);
    if (results->count == 0)
        return ERR_OK;
    TRY(mem_read(mem, at + HEAD_BYTES, bytes, results->count * ROW_BYTES));
    r = rd_of(SPAN(bytes));
    for (uint32_t i = 0; i < results->count; i++) {
        struct row *row = &results->rows[i];
        row->name = rd_u32le(&r);
        row->flags = rd_u32le(&r);
        row->got = rd_u32le(&r);
        row->want = rd_u32le(&r);
    }
    return r.err;
}

static void report_row(struct run *run, const struct row *row)
{
    char name[WHY_MAX];
    const char *text = image_text(run->image, row->name);
    enum row_mark mark = (row->flags & ROW_UNVERIFIED) != 0 ? ROW_U : ROW_SURE;
    if ((row->flags & ROW_TOLD) == 0) {
        row_value(run->rows, mark, text, row->got, row->want);
        return;
    }
    snprintf(name, sizeof(name), "the model says%s \"%s\"",
             row->got == 0 ? "" : " of this very instruction", text);
    if (run->watch.path == NULL)
        row_skipped(run->rows, name, "silicon says nothing, or no --log");
    else
        row_of(run->rows, log_watch_told(&run->watch, text, row->got), mark, name,
               "not in its log, with the address of this program's code");
}

/* A phase ends as it said it would: by itself, or in a fault that it announced. */
static enum err report_end(struct run *run)
{
    const struct results *results = &run->results;
    bool faulted = run->locked_up || results->state == PROGRAM_FAULTED;
    char words[CORE_WORDS_MAX];
    if (results->expected != 0)
        row_of(run->rows, faulted, ROW_SURE, image_text(run->image, results->expected),
               "no fault");
    if (faulted == (results->expected != 0) || !faulted)
        return ERR_OK;
    core_describe(&run->bench->mem, words);
    return fail(ERR_FAULT, "%s: phase %u faults: %s", run->rows->program, results->phase,
                words);
}

static void report(struct run *run)
{
    char rest[LOG_WORDS_MAX];
    for (uint32_t i = 0; i < run->results.count; i++)
        report_row(run, &run->results.rows[i]);
    if (log_watch_rest(&run->watch, rest))
        row_of(run->rows, false, ROW_SURE, "the model says nothing else", rest);
}

static enum err run_phase(struct run *run, uint32_t phase)
{
    TRY(log_watch_begin(&run->watch));
    TRY(start(run, phase));
    TRY(await_end(run));
    TRY(collect(run));
    TRY(log_watch_end(&run->watch));
    report(run);
    return report_end(run);
}

/* What the phase asked for. false: it cannot be had here, the rest is skipped. */
static enum err go_on(struct run *run, bool *over)
{
    char answer[BENCH_ANSWER_MAX];
    const struct results *results = &run->results;
    enum program_then kind = (enum program_then)results->then;
    *over = kind == THEN_END;
    if (*over)
        return ERR_OK;
    if ((results->control != 0 && run->bench->control == NULL) ||
        !bench_can(run->bench, kind)) {
        *over = true;
        row_skipped(run->rows, "the phases that follow",
                    results->control != 0 ? "they need virtual-board's control socket"
                                          : "nobody is there to cycle the power");
        return ERR_OK;
    }
    if (results->control != 0)
        TRY(bench_control(run->bench, image_text(run->image, results->control), answer));
    return bench_reset(run->bench, kind);
}

static enum err run_all(struct run *run)
{
    bool over = false;
    TRY(bench_connect(run->bench));
    TRY(bench_reset(run->bench, THEN_RESET_SYSTEM));
    for (uint32_t phase = 0; phase < PHASES_MAX && !over; phase++) {
        TRY(run_phase(run, phase));
        TRY(go_on(run, &over));
    }
    return over ? ERR_OK : fail(ERR_LIMIT, "%s: too many phases", run->rows->program);
}

enum err program_run(struct bench *bench, const struct image *image, struct rows *rows)
{
    static struct run run;
    run = (struct run){ .bench = bench, .image = image, .rows = rows };
    run.watch = (struct log_watch){ .path = bench->log,
                                    .board = bench->board,
                                    .code_end = image->described.size };
    enum err e = run_all(&run);
    log_watch_fini(&run.watch);
    return e;
}
