/* SPDX-License-Identifier: MIT */
/*
 * talk: one CMSIS-DAP command and its reply. Used by swd.c, pins.c and queue.c, on the probe's
 * thread. All failures are quiet, their message is in fail_words().
 */
#pragma once

#include "station-agent/probe/swd.h"

struct wr talk_packet(struct swd *swd); /* an empty packet in swd's scratch */
enum err talk_send(struct swd *swd, struct span packet);
/* The reply to that command, borrowed from the probe; replies to earlier commands are dropped.
 */
enum err talk_receive(struct swd *swd, enum dap_command command, struct span *reply_out);

/* Reads the reply to that command; out: what it holds. */
typedef enum err talk_read(struct span reply, bool padded, enum dap_command command, void *out);
/* Sends a command and reads its reply. After a failure it is sent a second time; if a reply did
 * not come or made no sense, the probe is brought in step first. If no reply comes then either,
 * swd->given_up is set. */
enum err talk_ask(struct swd *swd, const struct wr *w, talk_read *read, void *out);
enum err talk_status(struct swd *swd, const struct wr *w); /* the reply is only a status */
enum err talk_abort(struct swd *swd, uint32_t what);       /* write ABORT */
enum err talk_ctrl_stat(struct swd *swd, uint32_t *value_out);

/* Puts the probe's name before fail_words(), quietly; returns e. */
enum err talk_named(const struct swd *swd, enum err e);

bool talk_padded(const struct swd *swd, struct span reply); /* it may be followed by padding */
/* e is the result of reading a reply: notes whether that was no answer to the command. Returns
 * e. */
enum err talk_judge(struct swd *swd, enum err e);

/* Did a reply not come, or make no sense? Then the command may be repeated. */
bool talk_lost_reply(const struct swd *swd, enum err e);

/* Nothing is queued or under way any more; late replies are dropped. */
enum err talk_forget(struct swd *swd);

/* For an optional command: returns e only if the connection is closed. */
enum err talk_let_pass(struct swd *swd, enum err e);
