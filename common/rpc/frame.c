/* SPDX-License-Identifier: MIT */
/*
 * frame: what both peer.c and stream.c do with a frame: queue it to be sent, or end the
 * connection over one that the peer must not send.
 */
#include "common/host/log.h"
#include "common/rpc/inside.h"

enum err peer_frame(struct peer *p, const Hallmark__V1__Frame *f)
{
    return queue_frame(&p->queue, f, p->peer_max_message);
}

enum err peer_owe(struct peer *p, const Hallmark__V1__Frame *f)
{
    enum err e = peer_frame(p, f);
    if (e == ERR_EXHAUSTED && p->close_code == 0)
        p->close_code = CLOSE_POLICY;
    return e;
}

enum err peer_violation(struct peer *p, unsigned close_code, const char *what)
{
    p->close_code = close_code;
    return fail(ERR_PROTO, "rpc: %s", what);
}
