/* SPDX-License-Identifier: MIT */
/* Images that many sites want at once: fetched once, checked, and never waited for in vain. */
#include "tests/unit/check.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/images.h"

enum { WORKERS = 8, ROUNDS = 200 };

/* One round: all workers want the image whose bytes are `text`. */
struct round {
    struct images *images;
    const char *text;
    uint8_t sha256[SHA256_SIZE];
    unsigned failing; /* so many claims are given back before one brings the image */
    pthread_barrier_t start;
    atomic_uint claims, found;
};

static enum err put(struct images *images, const uint8_t *sha256, const char *text,
                    const struct image **out)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    TRY(buf_copy(&bytes, span_of((const uint8_t *)text, strlen(text))));
    return images_put(images, "firmware", sha256, &bytes, out);
}

static void *want(void *context)
{
    struct round *r = context;
    const struct image *image = NULL;
    pthread_barrier_wait(&r->start);
    while (image == NULL) {
        if (images_claim(r->images, r->sha256, &image) != ERR_OK)
            return NULL;
        if (image != NULL)
            break;
        if (atomic_fetch_add(&r->claims, 1) < r->failing)
            images_release(r->images, r->sha256);
        else if (put(r->images, r->sha256, r->text, &image) != ERR_OK)
            return NULL;
    }
    r->found += image->bytes.len == strlen(r->text);
    return NULL;
}

static void run(struct round *r)
{
    pthread_t threads[WORKERS];
    r->images = images_new();
    assert_non_null(r->images);
    SHA256((const uint8_t *)r->text, strlen(r->text), r->sha256);
    pthread_barrier_init(&r->start, NULL, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, want, r), 0);
    for (size_t i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&r->start);
    images_free(r->images);
}

static void one_of_many_sites_fetches(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round r = { .text = "an image" };
        run(&r);
        assert_int_equal(r.claims, 1);
        assert_int_equal(r.found, WORKERS);
    }
}

/* A site whose connection or board fails in the middle leaves it to the next. */
static void a_claim_that_is_given_back_goes_to_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round r = { .text = "another image", .failing = 3 };
        run(&r);
        assert_int_equal(r.claims, 4);
        assert_int_equal(r.found, WORKERS);
    }
}

static void one_site_asks_ahead(void **state)
{
    (void)state;
    static const uint8_t first[SHA256_SIZE] = { 1 }, second[SHA256_SIZE] = { 2 };
    const struct image *image;
    struct images *images = images_new();
    assert_true(images_may_ask_ahead(images, first));
    assert_false(images_may_ask_ahead(images, first));
    assert_int_equal(images_claim(images, second, &image), ERR_OK);
    assert_null(image);
    assert_false(images_may_ask_ahead(images, second)); /* it is being fetched */
    images_free(images);
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    static const uint8_t digest[SHA256_SIZE] = { 1 };
    const struct image *image;
    struct images *images = images_new();
    assert_int_equal(images_claim(images, digest, &image), ERR_OK);
    assert_int_equal(put(images, digest, "not these", &image), ERR_MISMATCH);
    assert_null(images_find(images, digest)); /* claimed only */
    images_release(images, digest);
    assert_int_equal(images_claim(images, digest, &image), ERR_OK);
    assert_null(image);
    images_free(images);
}

static void there_is_a_limit(void **state)
{
    (void)state;
    const struct image *image;
    struct images *images = images_new();
    for (uint8_t i = 0; i < IMAGES_MAX; i++) {
        const uint8_t digest[SHA256_SIZE] = { i };
        assert_int_equal(images_claim(images, digest, &image), ERR_OK);
    }
    const uint8_t one_more[SHA256_SIZE] = { IMAGES_MAX };
    assert_int_equal(images_claim(images, one_more, &image), ERR_EXHAUSTED);
    images_release(images, (const uint8_t[SHA256_SIZE]){ 3 });
    assert_int_equal(images_claim(images, one_more, &image), ERR_OK);
    images_free(images);
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_many_sites_fetches),
        cmocka_unit_test(a_claim_that_is_given_back_goes_to_another),
        cmocka_unit_test(one_site_asks_ahead),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(there_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
