/* SPDX-License-Identifier: MIT */
/*
 * One look in one packet. Called by look.c. What is not exactly the answer that was expected
 * must not be read as one: the look is then made again in single steps, by which each failure
 * has its name.
 */
#include "station-agent/probe/glance.h"

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/probe/ap.h"
#include "station-agent/probe/talk.h"

enum {
    COMMANDS = 4,
    TRANSFERS = 7, /* of the first command */
    GLANCE_BYTES = DAP_EXECUTE_HEAD + 4 * DAP_TRANSFER_HEAD + 5 * 5 + 5 + 5,
};

bool glance_can(const struct swd *swd)
{
    return swd->can_execute && swd->packet_size >= GLANCE_BYTES;
}

enum err glance_unclear(struct swd *swd, const char *why)
{
    swd->lost = swd->stale = true;
    swd->select_known = false;
    swd_step_down_commands(swd, why);
    return fail_quiet(ERR_PROTO, "%s: %s", swd->probe->name, why);
}

static void ask_ctrl_stat(struct wr *w)
{
    dap_transfer(w, 1);
    dap_transfer_one(w, (uint8_t)SWD_CTRL_STAT | DAP_READ, 0);
}

static void ask(struct wr *w, uint8_t ap, uint32_t csw, const struct glance *glance)
{
    dap_execute(w, COMMANDS);
    dap_transfer(w, TRANSFERS);
    dap_transfer_one(w, SWD_SELECT, (uint32_t)ap << 24);
    dap_transfer_one(w, DAP_AP | AP_CSW, csw);
    dap_transfer_one(w, DAP_AP | AP_TAR, glance->fresh);
    dap_transfer_one(w, DAP_AP | DAP_READ | AP_TAR, 0);
    dap_transfer_one(w, DAP_AP | AP_TAR, glance->address);
    dap_transfer_one(w, DAP_AP | DAP_READ | AP_TAR, 0);
    dap_transfer_one(w, DAP_AP | DAP_READ | AP_DRW, 0);
    ask_ctrl_stat(w);
    dap_write_abort(w, SWD_ABORT_CLEAR);
    ask_ctrl_stat(w);
}

/* The access is the last transfer, and its FAULT comes when its value is fetched: probes count
 * it or do not. */
static enum err read_access(struct rd *r, struct glance *glance)
{
    uint8_t command = rd_u8(r), count = rd_u8(r), response = rd_u8(r);
    glance->faulted = response == DAP_ACK_FAULT;
    bool whole = response == DAP_ACK_OK && count == TRANSFERS;
    bool refused = glance->faulted && (count == TRANSFERS || count == TRANSFERS - 1);
    if (command != DAP_TRANSFER || (!whole && !refused))
        return ERR_PROTO;
    glance->held = rd_u32le(r);
    glance->tar = rd_u32le(r);
    glance->value = whole ? rd_u32le(r) : 0;
    return r->err;
}

static enum err read_ctrl_stat(struct rd *r, uint32_t *value_out)
{
    uint8_t response = 0;
    TRY(dap_transfer_reply(r, 1, &response));
    *value_out = rd_u32le(r);
    return r->err;
}

static enum err read_reply(const struct swd *swd, struct span reply, struct glance *glance)
{
    struct rd r = rd_of(reply);
    TRY(dap_execute_reply(&r, COMMANDS));
    TRY(read_access(&r, glance));
    TRY(read_ctrl_stat(&r, &glance->status));
    uint8_t command = rd_u8(&r), status = rd_u8(&r);
    if (command != DAP_WRITE_ABORT || status != 0)
        return ERR_PROTO;
    TRY(read_ctrl_stat(&r, &glance->after));
    return dap_end(&r, talk_padded(swd, reply));
}

enum err glance(struct swd *swd, uint8_t ap, uint32_t csw, struct glance *glance)
{
    struct span reply;
    struct wr w = talk_packet(swd);
    ask(&w, ap, csw, glance);
    TRY(wr_end(&w));
    swd->refused = false;
    swd->select_known = false;
    enum err e = talk_send(swd, wr_done(&w));
    if (e == ERR_OK)
        e = talk_receive(swd, DAP_EXECUTE, &reply);
    if (e == ERR_CLOSED)
        return e;
    if (e == ERR_OK)
        e = read_reply(swd, reply, glance);
    if (e != ERR_OK)
        return glance_unclear(swd, "a look in one packet got no clear answer");
    swd->refused = glance->faulted;
    swd->probe->counts.faults += glance->faulted;
    return ERR_OK;
}
