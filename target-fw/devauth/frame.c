/* SPDX-License-Identifier: MIT */
/*
 * Frames and payloads, encoded and decoded with nanopb. Called by devauth.c. Input is the
 * agent's and must not be trusted: a field beyond its bound is ERR_PROTO.
 */

#include "target-fw/devauth/frame.h"

#include <pb_decode.h>
#include <pb_encode.h>

/* nanopb's callback for the fields that are spans: named in frame.options. */
bool frame_span(pb_istream_t *in, pb_ostream_t *out, const pb_field_t *field)
{
    struct span *span = field->pData;
    if (in != NULL) {
        *span = span_of(in->state, in->bytes_left);
        return pb_read(in, NULL, in->bytes_left);
    }
    return span->len == 0 ||
           (pb_encode_tag_for_field(out, field) && pb_encode_string(out, span->ptr, span->len));
}

enum err frame_message_decode(struct span bytes, const pb_msgdesc_t *fields, void *out)
{
    pb_istream_t stream = pb_istream_from_buffer(bytes.ptr, bytes.len);
    return pb_decode(&stream, fields, out) ? ERR_OK : ERR_PROTO;
}

enum err frame_message_encode(const pb_msgdesc_t *fields, const void *message, uint8_t *out,
                              size_t cap, struct span *encoded_out)
{
    pb_ostream_t stream = pb_ostream_from_buffer(out, cap);
    if (!pb_encode(&stream, fields, message))
        return ERR_LIMIT;
    *encoded_out = span_of(out, stream.bytes_written);
    return ERR_OK;
}

enum err frame_decode(struct span bytes, Frame *out)
{
    return frame_message_decode(bytes, Frame_fields, out);
}

enum err frame_encode(const Frame *frame, uint8_t *out, size_t cap, size_t *len_out)
{
    struct span encoded;
    TRY(frame_message_encode(Frame_fields, frame, out, cap, &encoded));
    *len_out = encoded.len;
    return ERR_OK;
}
