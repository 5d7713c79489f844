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

enum err store_answers_expire(struct store_tx *tx, int64_t before_us)
{
    int64_t now = store_now_us(tx);
    return query_write(tx, STATEMENT_ANSWERS_EXPIRE,
                       VALUES(value_number(before_us), value_number(now + (now - before_us))),
                       NULL);
}
