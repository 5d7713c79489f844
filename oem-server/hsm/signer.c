/* SPDX-License-Identifier: MIT */
/*
 * signer: one thread and one slot for a signature. Called by evp.c for the TLS key, whose
 * caller is the I/O thread. It must not let that thread wait longer than the time-out, whatever
 * the module does (test_hsm_hang).
 */
#include "oem-server/hsm/signer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/hsm/token.h"

enum state { IDLE, ASKED, AT_IT, DONE };

struct signer {
    struct hsm *hsm;
    pthread_t thread;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t changed;
    bool ending;
    bool given_up; /* its caller has given up */
    enum state state;
    enum hsm_token token;
    char name[KEY_NAME_MAX + 1];
    uint8_t digest[SHA256_SIZE];
    uint8_t signature[P256_SIGNATURE_SIZE];
    enum err err;
};

/* Called with signer->lock held; released while the module works. */
static void sign_now(struct signer *signer)
{
    char name[sizeof(signer->name)];
    uint8_t digest[SHA256_SIZE], signature[P256_SIGNATURE_SIZE];
    enum hsm_token token = signer->token;
    memcpy(name, signer->name, sizeof(name));
    memcpy(digest, signer->digest, sizeof(digest));
    signer->state = AT_IT;
    pthread_mutex_unlock(&signer->lock);
    enum err e = hsm_sign_p256(signer->hsm, token, name, digest, signature);
    pthread_mutex_lock(&signer->lock);
    signer->err = e;
    memcpy(signer->signature, signature, sizeof(signature));
    signer->state = signer->given_up ? IDLE : DONE;
    signer->given_up = false;
    pthread_cond_broadcast(&signer->changed);
}

static void *serve(void *arg)
{
    struct signer *signer = arg;
    pthread_mutex_lock(&signer->lock);
    while (!signer->ending) {
        if (signer->state == ASKED)
            sign_now(signer);
        else
            pthread_cond_wait(&signer->changed, &signer->lock);
    }
    pthread_mutex_unlock(&signer->lock);
    return NULL;
}

enum err signer_new(struct hsm *hsm, struct signer **signer_out)
{
    struct signer *signer = calloc(1, sizeof(*signer));
    if (signer == NULL)
        return fail(ERR_MEMORY, "hsm: no memory for a signer");
    signer->hsm = hsm;
    pthread_mutex_init(&signer->lock, NULL);
    pthread_cond_init(&signer->changed, NULL);
    if (pthread_create(&signer->thread, NULL, serve, signer) != 0) {
        free(signer);
        return fail(ERR_IO, "hsm: cannot start a thread to sign");
    }
    *signer_out = signer;
    return ERR_OK;
}

void signer_free(struct signer *signer)
{
    if (signer == NULL)
        return;
    pthread_mutex_lock(&signer->lock);
    signer->ending = true;
    pthread_cond_broadcast(&signer->changed);
    pthread_mutex_unlock(&signer->lock);
    pthread_join(signer->thread, NULL);
    pthread_cond_destroy(&signer->changed);
    pthread_mutex_destroy(&signer->lock);
    free(signer);
}

/* Under signer->lock. */
static enum err wait_done(struct signer *signer, unsigned timeout_ms)
{
    struct timespec until = clock_after_ms(timeout_ms);
    int late = 0;
    while (signer->state != DONE && late == 0)
        late = pthread_cond_clockwait(&signer->changed, &signer->lock, CLOCK_MONOTONIC, &until);
    signer->given_up = signer->state != DONE;
    if (signer->given_up)
        return fail(ERR_DEADLINE, "hsm: no signature with %s within %u ms", signer->name,
                    timeout_ms);
    signer->state = IDLE;
    return signer->err;
}

enum err signer_sign(struct signer *signer, enum hsm_token token, const char *name,
                     const uint8_t digest[static SHA256_SIZE], unsigned timeout_ms,
                     uint8_t signature_out[static P256_SIGNATURE_SIZE])
{
    enum err e;
    pthread_mutex_lock(&signer->lock);
    if (signer->state != IDLE) {
        e = fail(ERR_BUSY, "hsm: the module has not returned from signing with %s",
                 signer->name);
    } else {
        signer->state = ASKED;
        signer->token = token;
        snprintf(signer->name, sizeof(signer->name), "%s", name);
        memcpy(signer->digest, digest, SHA256_SIZE);
        pthread_cond_broadcast(&signer->changed);
        e = wait_done(signer, timeout_ms);
    }
    if (e == ERR_OK)
        memcpy(signature_out, signer->signature, P256_SIGNATURE_SIZE);
    pthread_mutex_unlock(&signer->lock);
    return e;
}
