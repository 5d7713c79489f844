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
    return e == ERR_DEADLINE
               ? fail(ERR_IO, "swd: %s: the probe does not answer", swd->probe->name)
               : e;
}

enum err talk_receive(struct swd *swd, struct span *reply_out)
{
    enum err e = swd->probe->receive(swd->probe, reply_out, PROBE_REPLY_MS);
    return e == ERR_OK ? ERR_OK : derail(swd, e);
}

enum err talk_command(struct swd *swd, const struct wr *w, struct span *reply_out)
{
    TRY(wr_end(w));
    enum err e = swd->probe->send(swd->probe, wr_done(w));
    return e == ERR_OK ? talk_receive(swd, reply_out) : derail(swd, e);
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

enum err talk_abort(struct swd *swd)
{
    struct wr w = talk_packet(swd);
    dap_write_abort(&w, SWD_ABORT_CLEAR);
    return talk_status(swd, &w);
}
