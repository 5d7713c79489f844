/* SPDX-License-Identifier: MIT */
/*
 * A peer's words, and ours for it: what is refused on a connection, by whichever thread. What a
 * peer sent must not be shown before it went through printable_copy().
 */
#include "common/host/log.h"
#include "station-agent/site/server.h"

void printable_copy(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; text != NULL && text[len] != '\0' && len + 1 < size; len++) {
        unsigned char c = (unsigned char)text[len];
        out[len] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    out[len] = '\0';
}

void channel_refuse(struct wss_conn *conn, uint32_t stream, enum err e, const char *words)
{
    char text[RPC_MESSAGE_TEXT_MAX];
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    printable_copy(words[0] != '\0' ? words : err_text(e), text, sizeof(text));
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = text;
    if (wss_respond(conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_WARN, "site: an answer was not sent: %s", fail_words());
}
