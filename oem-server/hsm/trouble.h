/* SPDX-License-Identifier: MIT */
/*
 * trouble: what is wrong with a token, since when, and what an operator can do about it. Noted
 * where it is found (token.c, try.c), read by hsm_health(). For the folder only; any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trouble_kind {
    TROUBLE_GONE,     /* the token could not be opened */
    TROUBLE_PIN,      /* its PIN was refused */
    TROUBLE_KEY,      /* a key of it is missing, or does not do its work */
    TROUBLE_SESSIONS, /* the device refuses to open more sessions; those that are open work */
    TROUBLES
};

enum { TROUBLE_WORDS = 200 };

struct trouble {
    pthread_mutex_t lock; /* protects what follows */
    struct {
        uint64_t since_ms, latest_ms; /* CLOCK_MONOTONIC; since 0: there is none */
        uint64_t since_real_us;
        char words[TROUBLE_WORDS]; /* the latest failure */
    } of[TROUBLES];
};

void trouble_init(struct trouble *t);
void trouble_fini(struct trouble *t);
void trouble_note(struct trouble *t, enum trouble_kind kind, const char *words);
void trouble_end(struct trouble *t, enum trouble_kind kind);

/* Since when (CLOCK_MONOTONIC, ms); 0: there is none, or, of TROUBLE_SESSIONS, it has not been
 * seen for a minute. */
uint64_t trouble_since(struct trouble *t, enum trouble_kind kind);

/* What failed, since when, what to do: at most size bytes, NUL included. "" if there is none.
 */
void trouble_tell(struct trouble *t, enum trouble_kind kind, char *text, size_t size);
