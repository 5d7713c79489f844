/* SPDX-License-Identifier: MIT */
/*
 * glance: all transfers of one look at a word in one packet: the control read of TAR, the
 * access, CTRL/STAT, ABORT, CTRL/STAT again. The probe does what follows a FAULT in a command
 * of its own, so one answer holds the refusal, its reason, and that it was cleared. Used by
 * look.c, on the probe's thread; quiet.
 */
#pragma once

#include "station-agent/probe/swd.h"

struct glance {
    uint32_t address;
    uint32_t fresh;     /* written to TAR first */
    uint32_t held, tar; /* TAR as read after each of the two writes */
    bool faulted;       /* the access was answered by FAULT */
    uint32_t value;     /* else: what it read */
    uint32_t status;    /* CTRL/STAT before ABORT */
    uint32_t after;     /* and after it */
};

/* The probe takes several commands in a packet, and has not failed in one. */
bool glance_can(const struct swd *swd);

/* Given address and fresh, finds out the rest. Any answer but a whole one in which nothing but
 * the access itself failed ends as glance_unclear(). */
enum err glance(struct swd *swd, uint8_t ap, uint32_t csw, struct glance *glance);

/* ERR_PROTO: several commands in a packet are not used with this probe any more, and it has to
 * be connected again: swd_is_unsure(). */
enum err glance_unclear(struct swd *swd, const char *why);
