/* SPDX-License-Identifier: MIT */
/* Lists of any length are read in pages: each page fits a message, and the pages together name
 * each row once, in order. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/unit/order.h"
#include "tests/unit/server_board.h"

enum {
    PRINCIPALS = 5000,
    IMAGES = 2500,
    AT_ONCE = 50, /* rows of a change: the changes of an entry are bounded */
    PAGE_DEFAULT = 100,
    PAGE_MAX = 1000,
};

static struct party alice;

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    return bench_teardown(state);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %s", #call, fail_words());                                           \
    } while (0)

/* Stations and auditors in turn, with names of the greatest length. */
static Hallmark__V1__Role role_of(unsigned i)
{
    return i % 2 == 0 ? HALLMARK__V1__ROLE__ROLE_STATION : HALLMARK__V1__ROLE__ROLE_AUDITOR;
}

static void name_of(unsigned i, char name[static 65])
{
    char number[6];
    snprintf(number, sizeof(number), "%05u", i / 2 % 100000);
    memset(name, 'n', 64);
    memcpy(name, number, 5);
    name[64] = '\0';
}

static enum err add_principal(struct store_tx *tx, unsigned i)
{
    struct store_principal principal = { .role = (uint32_t)role_of(i) };
    name_of(i, principal.name);
    memset(principal.certificate_sha256, 0xc5, SHA256_SIZE);
    TRY(store_principal_add(tx, &principal));
    return i % 10 != 0 ? ERR_OK
                       : store_principal_revoke(tx, principal.role, principal.name,
                                                "its line was taken down");
}

/* Images that differ in their first bytes. */
static enum err add_image(struct store_tx *tx, unsigned i)
{
    uint8_t bytes[8] = { (uint8_t)i, (uint8_t)(i >> 8), 0xa5 };
    struct image image = { .kind = HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE };
    snprintf(image.version, sizeof(image.version), "3.%u", i);
    OK(buf_copy(&image.bytes, SPAN(bytes)));
    sha256_of(SPAN(bytes), image.sha256);
    enum err e = image_release(tx, &image);
    image_free(&image);
    return e;
}

struct adding {
    unsigned from, to;
    enum err (*add)(struct store_tx *tx, unsigned i);
};

static enum err add_some(struct store_tx *tx, void *context)
{
    const struct adding *a = context;
    struct event event;
    event_init(&event, "call", alice.who.uri, ERR_OK, "");
    for (unsigned i = a->from; i < a->to; i++)
        TRY(a->add(tx, i));
    return tlog_append(bench.server->log, tx, &event.pb, NULL);
}

static void add_all(unsigned count, enum err (*add)(struct store_tx *tx, unsigned i))
{
    for (unsigned i = 0; i < count; i += AT_ONCE) {
        struct adding a = { i, i + AT_ONCE, add };
        OK(server_do(bench.server, add_some, &a, 0));
    }
}

/* --- Principals. --- */

static enum err page_of_principals(const Hallmark__V1__ListPrincipalsRequest *in,
                                   Hallmark__V1__ListPrincipalsResponse **out)
{
    return party_call(&alice, "hallmark.v1.Registry/List", &in->base, NULL,
                      &hallmark__v1__list_principals_response__descriptor,
                      (ProtobufCMessage **)out);
}

static int compare(const Hallmark__V1__PrincipalRow *row, Hallmark__V1__Role role,
                   const char *name)
{
    return row->role != role ? (row->role > role ? 1 : -1) : strcmp(row->name, name);
}

/* Counts the rows of all pages, and checks each page against its limit and the one before. */
static unsigned count_principals(Hallmark__V1__Role role, uint32_t limit, unsigned *pages)
{
    char last[65] = "";
    unsigned count = 0;
    size_t most = limit == 0 ? PAGE_DEFAULT : limit > PAGE_MAX ? PAGE_MAX : limit;
    Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
    in.role = role;
    in.limit = limit;
    in.after = last;
    *pages = 0;
    for (bool more = true; more; ++*pages) {
        AUTO(rpc_drop) Hallmark__V1__ListPrincipalsResponse *out = NULL;
        OK(page_of_principals(&in, &out));
        more = out->more;
        assert_true(more ? out->n_principals == most : out->n_principals <= most);
        for (size_t i = 0; i < out->n_principals; i++, count++) {
            const Hallmark__V1__PrincipalRow *row = out->principals[i];
            assert_true(compare(row, in.after_role, last) > 0);
            assert_true(role == HALLMARK__V1__ROLE__ROLE_UNSPECIFIED || row->role == role);
            snprintf(last, sizeof(last), "%s", row->name);
            in.after_role = row->role;
        }
    }
    return count;
}

static void principals_come_in_pages(void **state)
{
    (void)state;
    unsigned pages = 0;
    add_all(PRINCIPALS, add_principal);
    assert_int_equal(count_principals(HALLMARK__V1__ROLE__ROLE_UNSPECIFIED, 1000, &pages),
                     PRINCIPALS + 1); /* and alice */
    assert_int_equal(pages, 6);
    assert_int_equal(count_principals(HALLMARK__V1__ROLE__ROLE_STATION, 0, &pages),
                     PRINCIPALS / 2);
    assert_int_equal(pages, PRINCIPALS / 2 / PAGE_DEFAULT);
    assert_int_equal(count_principals(HALLMARK__V1__ROLE__ROLE_AUDITOR, UINT32_MAX, &pages),
                     PRINCIPALS / 2);
    assert_int_equal(pages, 3);
    assert_int_equal(count_principals(HALLMARK__V1__ROLE__ROLE_OPERATOR, 1, &pages), 1);
    assert_int_equal(pages, 1);
    bench_check();
}

/* A role and a name that do not belong together continue no list. */
static void a_page_continues_its_own_list(void **state)
{
    (void)state;
    static char name[] = "line-1";
    const Hallmark__V1__Role none = HALLMARK__V1__ROLE__ROLE_UNSPECIFIED;
    const Hallmark__V1__Role station = HALLMARK__V1__ROLE__ROLE_STATION;
    const Hallmark__V1__Role auditor = HALLMARK__V1__ROLE__ROLE_AUDITOR;
    const struct {
        Hallmark__V1__Role role, after_role;
        char *after;
        enum err want;
    } cases[] = {
        { station, auditor, name, ERR_INVALID },
        { none, none, name, ERR_INVALID },
        { none, station, NULL, ERR_INVALID },
        { none, (Hallmark__V1__Role)9, name, ERR_INVALID },
        { station, none, name, ERR_OK },
        { none, station, name, ERR_OK },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(rpc_drop) Hallmark__V1__ListPrincipalsResponse *out = NULL;
        Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
        in.role = cases[i].role;
        in.after_role = cases[i].after_role;
        if (cases[i].after != NULL)
            in.after = cases[i].after;
        assert_int_equal(page_of_principals(&in, &out), cases[i].want);
    }
}

/* --- Images. --- */

static enum err page_of_images(const Hallmark__V1__ListImagesRequest *in,
                               Hallmark__V1__ListImagesResponse **out)
{
    return party_call(&alice, "hallmark.v1.Firmware/List", &in->base, NULL,
                      &hallmark__v1__list_images_response__descriptor,
                      (ProtobufCMessage **)out);
}

/* Images of one change have one time: they are in the order of their digests. */
static void images_come_in_pages(void **state)
{
    (void)state;
    uint8_t last[SHA256_SIZE] = { 0 };
    uint64_t last_us = 0;
    unsigned count = 0, pages = 0;
    Hallmark__V1__ListImagesRequest in = HALLMARK__V1__LIST_IMAGES_REQUEST__INIT;
    add_all(IMAGES, add_image);
    in.limit = PAGE_MAX;
    for (bool more = true; more; pages++) {
        AUTO(rpc_drop) Hallmark__V1__ListImagesResponse *out = NULL;
        OK(page_of_images(&in, &out));
        more = out->more;
        assert_true(more ? out->n_images == PAGE_MAX : out->n_images <= PAGE_MAX);
        for (size_t i = 0; i < out->n_images; i++, count++) {
            const Hallmark__V1__ImageRow *row = out->images[i];
            assert_true(row->released_us > last_us ||
                        (row->released_us == last_us &&
                         memcmp(row->sha256.data, last, SHA256_SIZE) > 0));
            memcpy(last, row->sha256.data, SHA256_SIZE);
            last_us = row->released_us;
        }
        in.after = (ProtobufCBinaryData){ SHA256_SIZE, last };
    }
    assert_int_equal(count, IMAGES + 2); /* and the bench's */
    assert_int_equal(pages, 3);
    in.limit = 0;
    AUTO(rpc_drop) Hallmark__V1__ListImagesResponse *none = NULL;
    OK(page_of_images(&in, &none)); /* after the last */
    assert_int_equal(none->n_images, 0);
    assert_false(none->more);
    bench_check();
}

static void a_page_of_images_comes_after_one(void **state)
{
    (void)state;
    uint8_t unknown[SHA256_SIZE] = { 1 };
    AUTO(rpc_drop) Hallmark__V1__ListImagesResponse *out = NULL;
    Hallmark__V1__ListImagesRequest in = HALLMARK__V1__LIST_IMAGES_REQUEST__INIT;
    in.after = (ProtobufCBinaryData){ SHA256_SIZE, unknown };
    assert_int_equal(page_of_images(&in, &out), ERR_NOT_FOUND);
    in.after.len = SHA256_SIZE - 1;
    assert_int_equal(page_of_images(&in, &out), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principals_come_in_pages),
        cmocka_unit_test(a_page_continues_its_own_list),
        cmocka_unit_test(images_come_in_pages),
        cmocka_unit_test(a_page_of_images_comes_after_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
