/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of simulated time. Called by dap, link and the flash controller. It must not
 * lose a clock to rounding: the rest of each division is carried over.
 */

#include "target-fw/board/chip/pace.h"

/* The only durations published for these parts: defaults of Nuvoton's NuLink2_ICP_Library, said
 * to fit any NuMicro. Silicon is probably faster. */
enum {
    ERASE_PAGE_NS = 120000000,
    ERASE_ALL_NS = 120000000,
    PROGRAM_WORD_NS = 28000,
    CMD_PROGRAM = 0x21,
    CMD_ERASE = 0x22,
    CMD_ERASE_ALL = 0x26,
    CMD_PROGRAM_64 = 0x61
};

#define NS_PER_S 1000000000ULL

void pace_init(struct pace *pace, uint32_t swclk_hz, uint32_t latency_us, uint64_t cycles)
{
    *pace = (struct pace){ .on = swclk_hz != 0 || latency_us != 0,
                           .swclk_hz = swclk_hz,
                           .start = cycles,
                           .trip_ns = (uint64_t)latency_us * 1000 };
}

void pace_request(struct pace *pace)
{
    uint64_t arrives = pace->host_ns + pace->trip_ns / 2;
    pace->packets++;
    if (arrives <= pace->probe_ns)
        return;
    pace->probe_ns = arrives;
    pace->waits++;
}

void pace_clocks(struct pace *pace, uint32_t clocks, uint32_t hz)
{
    uint64_t ns = clocks * NS_PER_S + pace->rest;
    pace->probe_ns += ns / hz;
    pace->rest = ns % hz;
    pace->clocks += clocks;
}

void pace_us(struct pace *pace, uint32_t us)
{
    pace->probe_ns += (uint64_t)us * 1000;
}

uint64_t pace_answer_ns(const struct pace *pace)
{
    return pace->probe_ns + pace->trip_ns / 2;
}

void pace_released(struct pace *pace, uint64_t answer_ns)
{
    if (answer_ns > pace->host_ns)
        pace->host_ns = answer_ns;
}

void pace_idle(struct pace *pace, uint64_t us)
{
    pace->idle_us += us;
    pace->host_ns += us * 1000;
    if (pace->probe_ns < pace->host_ns)
        pace->probe_ns = pace->host_ns;
}

uint64_t pace_cycles(const struct pace *pace, uint32_t hclk_hz)
{
    return pace->start + pace->probe_ns / 1000 * (hclk_hz / 1000000) +
           pace->probe_ns % 1000 * (hclk_hz / 1000000) / 1000;
}

uint32_t pace_clock_of(const struct pace *pace, uint32_t asked_hz)
{
    return pace->swclk_hz != 0 ? pace->swclk_hz : asked_hz;
}

uint64_t pace_flash_ns(uint32_t command)
{
    switch (command) {
    case CMD_ERASE:
        return ERASE_PAGE_NS;
    case CMD_ERASE_ALL:
        return ERASE_ALL_NS;
    case CMD_PROGRAM:
        return PROGRAM_WORD_NS;
    case CMD_PROGRAM_64:
        return 2ULL * PROGRAM_WORD_NS;
    default:
        return 0;
    }
}

/* The only rate published is wolfSSL's for the M2354: 8.7 MiB/s at 96 MHz, its driver included.
 * The engine alone is probably faster. */
uint64_t pace_sha_cycles(uint32_t bytes)
{
    enum { BLOCK = 64, CYCLES_A_BLOCK = 674 };
    return (uint64_t)(bytes / BLOCK + 1) * CYCLES_A_BLOCK;
}
