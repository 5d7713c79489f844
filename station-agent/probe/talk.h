/* SPDX-License-Identifier: MIT */
/* talk: one CMSIS-DAP command and its reply. Between swd.c, pins.c, queue.c and the probe. */
#pragma once

#include "station-agent/probe/swd.h"

struct wr talk_packet(struct swd *swd); /* an empty packet in swd's scratch */
enum err talk_send(struct swd *swd, struct span packet);
/* The reply to that command: those to others before it are dropped. Else it is as it came. */
enum err talk_receive(struct swd *swd, enum dap_command command, struct span *reply_out);

/* Reads the reply to that command; out: what it holds. */
typedef enum err talk_read(struct span reply, bool padded, enum dap_command command, void *out);
/* Ask and read the reply. What fails is asked once more, after a reply that did not come or
 * made no sense with the probe in step again; if none comes then either, swd->given_up. Quiet.
 */
enum err talk_ask(struct swd *swd, const struct wr *w, talk_read *read, void *out);
enum err talk_status(struct swd *swd, const struct wr *w); /* the reply is only a status */
enum err talk_abort(struct swd *swd, uint32_t what);       /* write ABORT */
enum err talk_ctrl_stat(struct swd *swd, uint32_t *value_out);

/* Say fail_words() again with the probe's name before them, quietly; yields e. */
enum err talk_named(const struct swd *swd, enum err e);

bool talk_padded(const struct swd *swd, struct span reply); /* it may be followed by padding */
/* e came of reading a reply: notes whether that was no answer to what was asked. Yields e. */
enum err talk_judge(struct swd *swd, enum err e);

/* A reply did not come, or made no sense: what was asked may be asked once more. */
bool talk_lost_reply(const struct swd *swd, enum err e);

/* Nothing is queued or under way any more; late replies are dropped. */
enum err talk_forget(struct swd *swd);

/* What is only nice to have: e ends nothing unless the connection is closed. */
enum err talk_let_pass(struct swd *swd, enum err e);
