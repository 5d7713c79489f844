/* SPDX-License-Identifier: MIT */
/* Stored answers: a call that is repeated with the same key gets the same answer. Called inside
 * changes; whether a method's answer is stored is a column of the method table
 * (oem-server/auth). */
#include "oem-server/store/query.h"

enum err store_answer_put(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          const struct store_answer *answer)
{
    return query_insert(tx, STATEMENT_ANSWER_PUT,
                        VALUES(value_text(caller), value_bytes(key, STORE_CALL_KEY_SIZE),
                               value_bytes(answer->request_sha256, SHA256_SIZE),
                               value_span(buf_span(&answer->response)),
                               value_number(store_now_us(tx))));
}

enum err store_answer_get(struct store_tx *tx, const char *caller,
                          const uint8_t key[static STORE_CALL_KEY_SIZE],
                          struct store_answer *answer_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    TRY(query_open(tx, STATEMENT_ANSWER_GET,
                   VALUES(value_text(caller), value_bytes(key, STORE_CALL_KEY_SIZE)), &query));
    TRY(query_one(&query));
    query_bytes(&query, answer.request_sha256, SHA256_SIZE);
    query_buf(&query, &answer.response);
    TRY(query_end(&query));
    *answer_out = answer;
    answer = (struct store_answer){ 0 };
    return ERR_OK;
}

void store_answer_free(struct store_answer *answer)
{
    buf_free(&answer->response);
    *answer = (struct store_answer){ 0 };
}

/* One that is older than that, or as far in the future: it was stored before the clock was set
 * back. */
#define OLD(tx, kept_us)                                                                       \
    value_number(store_now_us(tx) - (kept_us)), value_number(store_now_us(tx) + (kept_us))

enum err store_answers_old(struct store_tx *tx, int64_t kept_us, bool *some_out)
{
    uint64_t count = 0;
    TRY(query_count(tx, STATEMENT_ANSWERS_OLD, VALUES(OLD(tx, kept_us)), &count));
    *some_out = count != 0;
    return ERR_OK;
}

enum err store_answers_expire(struct store_tx *tx, int64_t kept_us, uint32_t limit,
                              uint64_t *count_out)
{
    return query_write(tx, STATEMENT_ANSWERS_EXPIRE,
                       VALUES(OLD(tx, kept_us), value_number(limit)), count_out);
}
