/* SPDX-License-Identifier: MIT */
/*
 * registry_seize: a station's PC was stolen. One change revokes the station and ends its runs;
 * its unsealed units count as held from then on. It is an emergency: one operator's word is
 * enough. Scrapping them is not, so it waits for a second one where the policy wants two.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/registry.h"
#include "oem-server/api/units_change.h"
#include "oem-server/call/message.h"
#include "oem-server/run/run.h"
#include "oem-server/run/seizure.h"

struct seizing {
    struct call *call;
    const char *station;
    const char *reason;
    struct buf ended; /* run ids, RUN_ID_SIZE each */
    enum err err;
    struct unit_seized seized;
    Hallmark__V1__SeizeStationResponse *out;
};

static void note_ended(void *context, const uint8_t uid[static UID_SIZE],
                       const struct unit_holder *holder, const char *order)
{
    struct seizing *s = context;
    (void)uid, (void)order;
    if (s->err == ERR_OK)
        s->err = buf_append(&s->ended, SPAN(holder->run_id));
}

static void fill(const struct unit_seized *from, Hallmark__V1__SeizeStationResponse *out)
{
    out->runs_ended = from->runs_ended;
    out->started = from->units[UNIT_STARTED];
    out->finished = from->units[UNIT_FINISHED];
    out->committed = from->units[UNIT_COMMITTED];
    out->sealed = from->units[UNIT_SEALED];
    out->failed = from->units[UNIT_FAILED];
    out->scrapped = from->units[UNIT_SCRAPPED];
}

static enum err seize(struct store_tx *tx, void *context)
{
    struct seizing *s = context;
    buf_free(&s->ended);
    s->err = ERR_OK;
    TRY(unit_seize(tx, s->station, s->reason, note_ended, s, &s->seized));
    fill(&s->seized, s->out);
    return s->err;
}

static enum err begin(struct call *call, const char *station, const char *reason,
                      const char *what)
{
    char words[sizeof(call->event.message)];
    event_text(&call->event, EVENT_REASON, reason);
    TRY(ca_name_check("station", station));
    TRY(message_reason(call, reason));
    snprintf(words, sizeof(words), "%s %s", what, station);
    event_text(&call->event, EVENT_MESSAGE, words);
    return ERR_OK;
}

/* After the change: the runs in memory, and the holds. What fails here the sweep does. */
static void follow(struct server *server, const struct buf *ended)
{
    for (size_t at = 0; ended != NULL && at + RUN_ID_SIZE <= ended->len; at += RUN_ID_SIZE)
        run_end_of_id(server, ended->ptr + at, ERR_ABORTED, "its station was seized", false);
    if (seizure_go_on(server) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "registry: the rest of a seizure is done later: %s",
                 fail_words());
}

static enum err seize_station(struct seizing *s)
{
    AUTO(free_drop) char *uri = ca_spiffe(s->call->server->ca, CA_STATION, s->station);
    if (uri == NULL)
        return fail(ERR_MEMORY, "seize: no memory");
    s->out->connections_closed = session_count_of(s->call->server, uri);
    TRY(call_change(s->call, seize, s, &s->out->base));
    if (!s->call->replayed) {
        session_close_all_of(s->call->server, uri, "certificate revoked");
        follow(s->call->server, &s->ended);
    }
    return ERR_OK;
}

enum err registry_seize(struct rpc_call *rpc, const Hallmark__V1__SeizeStationRequest *in,
                        Hallmark__V1__SeizeStationResponse *out)
{
    struct seizing s = {
        .call = call_of(rpc), .station = in->name, .reason = in->reason, .out = out
    };
    TRY(begin(s.call, in->name, in->reason, "station"));
    enum err e = seize_station(&s);
    buf_free(&s.ended);
    return e;
}

/* --- Scrapping what it left. -------------------------------------------------------------- */

struct scrapping {
    const Hallmark__V1__ScrapSeizedRequest *in;
    Hallmark__V1__ScrapSeizedResponse *out;
};

static enum err scrap(struct store_tx *tx, void *context)
{
    const struct scrapping *s = context;
    return unit_seize_scrap(tx, s->in->station, s->in->reason, &s->out->count);
}

enum err units_scrap_seized(struct rpc_call *rpc, const Hallmark__V1__ScrapSeizedRequest *in,
                            Hallmark__V1__ScrapSeizedResponse *out)
{
    struct call *call = call_of(rpc);
    struct scrapping s = { in, out };
    TRY(begin(call, in->station, in->reason, "all unsealed units of station"));
    TRY(call_change(call, scrap, &s, &out->base));
    if (!call->replayed)
        follow(call->server, NULL);
    return ERR_OK;
}
