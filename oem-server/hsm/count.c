/* SPDX-License-Identifier: MIT */
/*
 * count: operations of the HSM: by name for the entry of the call that asked for them (per
 * thread), and in all for Health. Each call of the module that signs, makes, derives or wraps a
 * key is counted.
 */
#include "oem-server/hsm/count.h"

#include "oem-server/hsm/hsm.h"

enum { KEPT_MAX = 64 }; /* an RPC runs a handful; operations above it are counted, not named */

#define X(name, text) "root: " text,
static const char *const root[] = { COUNT_LIST(X) };
#undef X
#define X(name, text) "issuing: " text,
static const char *const issuing[] = { COUNT_LIST(X) };
#undef X
#define X(name, text) "tls: " text,
static const char *const tls[] = { COUNT_LIST(X) };
#undef X
#define X(name, text) "boot: " text,
static const char *const boot[] = { COUNT_LIST(X) };
#undef X
#define X(name, text) "log: " text,
static const char *const log_token[] = { COUNT_LIST(X) };
#undef X

static const char *const *const names[HSM_TOKENS] = {
    [HSM_ROOT] = root, [HSM_ISSUING] = issuing, [HSM_TLS] = tls,
    [HSM_BOOT] = boot, [HSM_LOG] = log_token,
};

static _Thread_local struct {
    const char *kept[KEPT_MAX];
    size_t count;
} done;

static _Atomic uint64_t total;
static _Thread_local bool in_trial;

void count_operation(const struct token *t, enum operation operation)
{
    if (in_trial)
        return;
    if (done.count < KEPT_MAX)
        done.kept[done.count] = names[t->role][operation];
    done.count++;
    atomic_fetch_add(&total, 1);
}

void count_trial(bool begins)
{
    in_trial = begins;
}

uint64_t hsm_operations_total(void)
{
    return atomic_load(&total);
}

size_t hsm_operations_take(const char *names_out[], size_t max)
{
    size_t count = done.count;
    for (size_t i = 0; i < count && i < KEPT_MAX && i < max; i++)
        names_out[i] = done.kept[i];
    for (size_t i = KEPT_MAX; i < count && i < max; i++)
        names_out[i] = "more";
    done.count = 0;
    return count;
}
