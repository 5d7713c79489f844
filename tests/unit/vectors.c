/* SPDX-License-Identifier: MIT */
#include "tests/unit/vectors.h"

#include <string.h>

#include "common/host/hex.h"
#include "tests/unit/check.h"

void vectors_open(struct vectors *v, const char *name)
{
    char path[512];
    *v = (struct vectors){ .name = name };
    snprintf(path, sizeof(path), SOURCE_DIR "/tests/vectors/%s", name);
    v->file = fopen(path, "r");
    if (v->file == NULL)
        fail_msg("%s: not there", path);
}

static void row_drop(struct vectors *v)
{
    json_decref(v->row);
    v->row = NULL;
    for (size_t i = 0; i < v->used; i++)
        buf_free(&v->bytes[i]);
    v->used = 0;
}

bool vectors_next(struct vectors *v)
{
    json_error_t error;
    row_drop(v);
    v->row = json_loadf(v->file, JSON_DISABLE_EOF_CHECK, &error);
    if (v->row == NULL && !feof(v->file))
        fail_msg("%s:%u: %s", v->name, v->line + 1, error.text);
    v->line += v->row != NULL;
    return v->row != NULL;
}

void vectors_hold(struct vectors *v, bool agrees, const char *what)
{
    if (agrees)
        return;
    char *row = json_dumps(v->row, JSON_COMPACT);
    print_error("%s:%u: %s: %.300s\n", v->name, v->line, what, row);
    free(row);
    v->failed++;
}

void vectors_close(struct vectors *v, unsigned lines)
{
    row_drop(v);
    fclose(v->file);
    assert_int_equal(v->line, lines);
    if (v->failed != 0)
        fail_msg("%s: %u of %u do not agree", v->name, v->failed, lines);
}

static json_t *member_of(const struct vectors *v, const char *member)
{
    json_t *value = json_object_get(v->row, member);
    if (value == NULL)
        fail_msg("%s:%u: no %s", v->name, v->line, member);
    return value;
}

const char *vector_text(const struct vectors *v, const char *member)
{
    return json_string_value(member_of(v, member));
}

struct span vector_hex(struct vectors *v, const char *member)
{
    const char *text = vector_text(v, member);
    assert_true(v->used < VECTOR_FIELDS);
    struct buf *b = &v->bytes[v->used++];
    assert_int_equal(buf_resize(b, strlen(text) / 2 + 1), ERR_OK); /* never NULL */
    assert_int_equal(hex_read(text, b->ptr, strlen(text) / 2), ERR_OK);
    return span_of(b->ptr, strlen(text) / 2);
}

bool vector_is(const struct vectors *v, const char *result)
{
    return strcmp(vector_text(v, "result"), result) == 0;
}

bool vector_flag(const struct vectors *v, const char *flag)
{
    size_t i;
    json_t *each;
    json_array_foreach(member_of(v, "flags"), i,
                       each) if (strcmp(json_string_value(each), flag) == 0) return true;
    return false;
}
