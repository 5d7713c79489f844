/* SPDX-License-Identifier: MIT */
/*
 * Connecting, and what the probe can do. Called by mem.c, look.c's users and chip/. nRESET is
 * pins.c's alone.
 */
#include "station-agent/probe/swd.h"

#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/talk.h"
#include "station-agent/probe/when.h"

enum {
    IDLE_CYCLES = 0,
    WAIT_MS = 20, /* the probe itself retries WAIT for about that long */
    WAIT_CLOCKS = 13,
    MATCH_CLOCKS = 46,
    POWER_UP_US = 200000,
    POWER_REQUEST = 0x50000000,
    CONNECT_TRIES = 3,
    MATCH_TESTS = 2,
    REDO_MAX = 4,  /* of one access */
    DROPS_MAX = 8, /* at one clock: a wire that fails from time to time is too fast as well */
};

/* ADIv5.2 B5.3 and ARM IHI 0031, "Switching the debug interface". Sent LSB first. */
static const uint8_t jtag_to_swd[] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x9E, 0xE7,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00 };
static const uint8_t dormant_to_swd[] = { 0xFF, 0x92, 0xF3, 0x09, 0x62, 0x95, 0x2D,
                                          0x85, 0x86, 0xE9, 0xAF, 0xDD, 0xE3, 0xA2,
                                          0x0E, 0xBC, 0x19, 0xA0, 0xF1, 0xFF, 0xFF,
                                          0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00 };

/* How many packets of so many clocks fill a time. */
static uint16_t retries(uint32_t clock_hz, unsigned ms, unsigned clocks, uint32_t most)
{
    uint32_t n = clock_hz / 1000 * ms / clocks;
    return (uint16_t)(n < 10 ? 10 : n > most ? most : n);
}

/* A WAIT that ends only after its command was given up is dangerous: the commands behind it,
 * which are in flight, would go to the earlier address. So only an unresponsive bus is given
 * up. A probe waits for a match for a short time only, so that no other command has to wait. */
static enum err configure(struct swd *swd, bool match)
{
    uint16_t wait = retries(swd->clock_hz, WAIT_MS, WAIT_CLOCKS, UINT16_MAX);
    uint16_t looks = retries(swd->clock_hz, SWD_MATCH_BLOCK_MS, MATCH_CLOCKS, 20000);
    struct wr w = talk_packet(swd);
    dap_transfer_configure(&w, IDLE_CYCLES, wait, match ? looks : 0);
    return talk_status(swd, &w);
}

static enum err any_reply(struct span reply, bool padded, enum dap_command command, void *out)
{
    (void)padded, (void)out;
    if (reply.len == 0)
        return fail_quiet(ERR_TRUNC, "empty reply to command 0x%02x", (unsigned)command);
    if (reply.ptr[0] != (uint8_t)command && reply.ptr[0] != DAP_UNKNOWN)
        return fail_quiet(ERR_PROTO, "reply to command 0x%02x when 0x%02x was asked",
                          reply.ptr[0], (unsigned)command);
    return ERR_OK;
}

/* The probe's light. Not all probes have one, and none is needed: its answer does not matter,
 * and after a failure the command is not sent again. */
static enum err show_connected(struct swd *swd, bool connected)
{
    bool lost = swd->lost, given_up = swd->given_up;
    struct wr w = talk_packet(swd);
    if (swd->no_light || swd->light == connected)
        return ERR_OK;
    dap_host_status(&w, connected);
    enum err e = talk_ask(swd, &w, any_reply, NULL);
    swd->no_light = e != ERR_OK;
    swd->given_up = given_up;
    TRY(talk_let_pass(swd, e));
    swd->lost = lost;
    swd->light = connected;
    return ERR_OK;
}

static enum err connect_read(struct span reply, bool padded, enum dap_command command,
                             void *out)
{
    (void)command, (void)out;
    return dap_connect_reply(reply, padded);
}

/* A refused clock may be one that the probe cannot make: half of it, down to the least. */
static enum err set_clock(struct swd *swd)
{
    uint32_t asked_hz = swd->clock_hz;
    for (;;) {
        struct wr w = talk_packet(swd);
        swd->probe->counts.clock_hz = swd->clock_hz;
        dap_clock(&w, swd->clock_hz);
        enum err e = talk_status(swd, &w);
        if (e != ERR_FAULT)
            return e;
        if (swd->clock_hz / 2 >= PROBE_CLOCK_MIN_HZ && swd_slow_down(swd)) {
            swd_say_slower(swd, "the probe refuses the faster clock");
            continue;
        }
        swd->clock_hz = asked_hz;
        return fail_quiet(ERR_FAULT,
                          "%s: the probe refuses command 0x11: each SWD clock from %u Hz "
                          "halved down to %d Hz; give --swd-clock, or another probe",
                          swd->probe->name, asked_hz, PROBE_CLOCK_MIN_HZ);
    }
}

static enum err set_up_probe(struct swd *swd)
{
    struct wr w = talk_packet(swd);
    dap_connect(&w);
    TRY(talk_ask(swd, &w, connect_read, NULL));
    TRY(set_clock(swd));
    w = talk_packet(swd);
    dap_swd_configure(&w, 0);
    TRY(talk_status(swd, &w));
    return configure(swd, true);
}

static enum err sequence(struct swd *swd, struct span bits)
{
    struct wr w = talk_packet(swd);
    dap_sequence(&w, bits);
    return talk_status(swd, &w);
}

/* asked: the wire was used; before that a refusal is the probe's. */
static enum err read_dpidr(struct swd *swd, struct span wake_up, bool *asked)
{
    TRY(sequence(swd, wake_up));
    TRY(swd_queue_dp_read(swd, SWD_DPIDR, &swd->dpidr));
    *asked = true;
    return swd_flush(swd);
}

/* The usual way in first; a DPv2 part may sleep dormant and need the other. */
static enum err wake(struct swd *swd)
{
    bool asked = false;
    enum err e = read_dpidr(swd, SPAN(jtag_to_swd), &asked);
    if (e == ERR_FAULT && asked)
        e = read_dpidr(swd, SPAN(dormant_to_swd), &asked);
    if (e == ERR_FAULT && asked)
        return fail_quiet(ERR_UNAVAILABLE,
                          "%s: no answer on SWD: is the board powered and connected?",
                          swd->probe->name);
    return e;
}

static enum err power_up(struct swd *swd)
{
    uint64_t deadline = when_us() + POWER_UP_US;
    uint32_t status = 0;
    TRY(swd_queue_dp_write(swd, SWD_ABORT, SWD_ABORT_CLEAR));
    TRY(swd_queue_dp_write(swd, SWD_SELECT, 0));
    TRY(swd_queue_dp_write(swd, SWD_CTRL_STAT, POWER_REQUEST));
    do {
        TRY(swd_queue_dp_read(swd, SWD_CTRL_STAT, &status));
        TRY(swd_flush(swd));
        if ((status & SWD_STAT_POWERED) == SWD_STAT_POWERED)
            return ERR_OK;
    } while (when_us() < deadline);
    return fail_quiet(ERR_FAULT, "%s: debug power does not come up (CTRL/STAT 0x%08x)",
                      swd->probe->name, status);
}

static enum err match_dpidr(struct swd *swd, uint32_t value)
{
    TRY(swd_queue_dp_match(swd, SWD_DPIDR, UINT32_MAX, value));
    return swd_flush(swd);
}

/* Matches a known constant, then a wrong one: if the probe gets either wrong, its value match
 * is not used. Runs before the retries are set, so the second one is quick. A failure of the
 * wire meanwhile is no result, unless it happens each time. */
static enum err test_match(struct swd *swd)
{
    TRY(configure(swd, false));
    enum err yes = match_dpidr(swd, swd->dpidr);
    enum err no = yes == ERR_OK ? match_dpidr(swd, ~swd->dpidr) : yes;
    bool wire = no == ERR_FAULT && swd_wire_failed(swd);
    if (wire && ++swd->match_tests < MATCH_TESTS)
        return no;
    swd->match_tested = true;
    swd->can_match = yes == ERR_OK && no == ERR_MISMATCH;
    swd->probe->counts.polled = !swd->can_match;
    if (!swd->can_match)
        log_line(LOG_LEVEL_WARN, "swd: %s: no value match in this probe, polling instead",
                 swd->probe->name);
    return wire ? no : configure(swd, true);
}

static enum err connect_line(struct swd *swd)
{
    TRY(talk_forget(swd));
    swd->refused = false; /* an earlier connection's refusal does not count here */
    swd->response = 0;
    TRY(set_up_probe(swd));
    TRY(wake(swd));
    TRY(power_up(swd));
    if (!swd->match_tested)
        TRY(test_match(swd));
    TRY(talk_forget(swd)); /* what the test may have left */
    swd->epoch++;
    return show_connected(swd, true);
}

static bool is_wire(const struct swd *swd, enum err e)
{
    return e == ERR_UNAVAILABLE || (e == ERR_FAULT && swd_wire_failed(swd));
}

enum err swd_connect(struct swd *swd)
{
    swd->given_up = false;
    enum err e = connect_line(swd);
    if (talk_lost_reply(swd, e) && !swd->given_up)
        e = connect_line(swd);
    for (unsigned i = 1; i < CONNECT_TRIES && is_wire(swd, e); i++)
        e = connect_line(swd);
    swd->lost = e != ERR_OK;
    return e;
}

bool swd_is_unsure(const struct swd *swd, enum err e)
{
    return e == ERR_BUSY || is_wire(swd, e) || talk_lost_reply(swd, e);
}

bool swd_slow_down(struct swd *swd)
{
    if (swd->clock_hz / 2 < PROBE_CLOCK_MIN_HZ)
        return false;
    swd->clock_hz /= 2;
    swd->probe->counts.clock_steps++;
    swd->drops = 0;
    swd->lost = true;
    return true;
}

void swd_say_slower(const struct swd *swd, const char *why)
{
    log_line(LOG_LEVEL_WARN, "swd: %s: SWD slowed down to %u Hz: %s", swd->probe->name,
             swd->clock_hz, why);
}

/* The wire failed a second time at the same place, or many times at any. */
static void judge_clock(struct swd *swd, unsigned tries)
{
    swd->drops++;
    if ((tries > 0 || swd->drops >= DROPS_MAX) && swd_slow_down(swd))
        swd_say_slower(swd, "the wire fails again and again");
}

bool swd_again(struct swd *swd, enum err e, unsigned tries)
{
    unsigned most = swd->stale ? 1 : REDO_MAX; /* a lost reply has taken its time already */
    if (!swd_is_unsure(swd, e) || tries >= most)
        return false;
    swd->probe->counts.redone++;
    log_line(LOG_LEVEL_WARN, "swd: %s; it is done again", fail_words());
    if (e == ERR_FAULT)
        judge_clock(swd, tries);
    return true;
}

enum err swd_disconnect(struct swd *swd)
{
    TRY(show_connected(swd, false));
    struct wr w = talk_packet(swd);
    swd->lost = true;
    dap_disconnect(&w);
    return talk_status(swd, &w);
}
