/* SPDX-License-Identifier: MIT */
/*
 * pace: the time that a probe's wire and its USB would have taken, by arithmetic. No thread
 * waits for it.
 *
 * Two clocks in nanoseconds. The probe's: a packet starts when it has arrived and the one
 * before is done, and takes its SWD clocks. The host's: what it has received so far; a packet
 * is sent at the host's time, so one that was sent before an answer was released does not wait
 * for that answer. Half a round trip lies between the two clocks each way. The chip's core is
 * led by the probe's clock, so it works while the wire does. Flash takes its time too
 * (pace_flash_ns).
 *
 * What the host itself needs is not counted, but for silences that link counts by pace_idle().
 * Used by dap, link and the control socket.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace {
    bool on;
    uint32_t swclk_hz; /* whatever the host asks; 0: what it asks */
    uint64_t trip_ns;  /* to the probe and back */
    uint64_t start;    /* the chip's cycles at time 0 */
    uint64_t host_ns;
    uint64_t probe_ns;
    uint64_t rest;     /* of the last division by the clock */
    uint64_t idle_us;  /* silences of the host that were counted */
    uint64_t flash_us; /* the flash controller's work */
    uint64_t packets;  /* requests */
    uint64_t waits;    /* of them, those for which the probe had nothing left to do */
    uint64_t transfers;
    uint64_t clocks;
};

/* Both 0: no simulated time. cycles: the chip's count now. */
void pace_init(struct pace *pace, uint32_t swclk_hz, uint32_t latency_us, uint64_t cycles);

/* Each moves the clocks by what happens at the probe. Called only while `on`. */
void pace_request(struct pace *pace); /* the probe begins with the next packet */
void pace_clocks(struct pace *pace, uint32_t clocks, uint32_t hz);
void pace_us(struct pace *pace, uint32_t us);              /* delays, waits for pins */
uint64_t pace_answer_ns(const struct pace *pace);          /* when the host has the answer */
void pace_released(struct pace *pace, uint64_t answer_ns); /* the host may act on it */
void pace_idle(struct pace *pace, uint64_t us);            /* silence that the host meant */
uint64_t pace_cycles(const struct pace *pace, uint32_t hclk_hz); /* where the chip should be */
uint32_t pace_clock_of(const struct pace *pace, uint32_t asked_hz);

/* How long the flash controller is busy with a command, ISPCMD's code. */
uint64_t pace_flash_ns(uint32_t command);

/* Cycles of HCLK in which the SHA-256 engine hashes so many bytes by DMA. */
uint64_t pace_sha_cycles(uint32_t bytes);
