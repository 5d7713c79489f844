/* SPDX-License-Identifier: MIT */
#include "station-agent/probe/talk.h"

#include <stdio.h>

#include "common/host/log.h"

enum err talk_named(const struct swd *swd, enum err e)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    return fail_quiet(e, "%s: %s", swd->probe->name, words);
}

/* A reply that does not come or makes no sense: what is under way is unknown. */
static enum err derail(struct swd *swd, enum err e)
{
    swd->lost = true;
    swd->stale = true;
    swd->under_way = 0;
    return e == ERR_DEADLINE
               ? fail(ERR_IO, "swd: %s: the probe does not answer", swd->probe->name)
               : e;
}

enum err talk_send(struct swd *swd, struct span packet)
{
    struct probe *probe = swd->probe;
    enum err e = probe->send(probe, packet);
    if (e != ERR_OK)
        return derail(swd, e);
    probe->counts.packets++;
    probe->counts.bytes_out += packet.len;
    swd->under_way++;
    return ERR_OK;
}

enum err talk_receive(struct swd *swd, struct span *reply_out)
{
    struct probe *probe = swd->probe;
    enum err e = probe->receive(probe, reply_out, probe_reply_ms(probe));
    if (e != ERR_OK)
        return derail(swd, e);
    probe->counts.bytes_in += reply_out->len;
    swd->under_way -= swd->under_way > 0;
    probe->counts.round_trips += swd->under_way == 0;
    return ERR_OK;
}

enum err talk_command(struct swd *swd, const struct wr *w, struct span *reply_out)
{
    TRY(wr_end(w));
    TRY(talk_send(swd, wr_done(w)));
    return talk_receive(swd, reply_out);
}

enum err talk_status(struct swd *swd, const struct wr *w)
{
    struct span reply;
    TRY(talk_command(swd, w, &reply));
    enum err e = dap_status_reply(reply, swd->probe->padded, (enum dap_command)w->ptr[0]);
    return e == ERR_OK ? ERR_OK : talk_named(swd, e);
}

struct wr talk_packet(struct swd *swd)
{
    return wr_of(swd->scratch, sizeof(swd->scratch));
}

enum err talk_abort(struct swd *swd, uint32_t what)
{
    struct wr w = talk_packet(swd);
    dap_write_abort(&w, what);
    return talk_status(swd, &w);
}

enum err talk_ctrl_stat(struct swd *swd, uint32_t *value_out)
{
    struct span reply;
    uint8_t response;
    struct wr w = talk_packet(swd);
    dap_transfer(&w, 1);
    dap_transfer_one(&w, (uint8_t)SWD_CTRL_STAT | DAP_READ, 0);
    TRY(talk_command(swd, &w, &reply));
    struct rd r = rd_of(reply);
    TRY(dap_transfer_reply(&r, 1, &response));
    *value_out = rd_u32le(&r);
    return dap_end(&r, swd->probe->padded);
}

bool talk_lost_reply(const struct swd *swd, enum err e)
{
    return swd->stale && e != ERR_OK && e != ERR_CLOSED;
}

enum err talk_forget(struct swd *swd)
{
    swd->queued = 0;
    swd->select_known = false;
    swd->under_way = 0;
    if (!swd->stale)
        return ERR_OK;
    swd->probe->counts.resyncs++;
    TRY(probe_drain(swd->probe));
    swd->stale = false;
    return ERR_OK;
}
