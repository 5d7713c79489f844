/* SPDX-License-Identifier: MIT */
/*
 * guard: a thread that ends the process when its start or stop is interrupted by a signal or
 * takes too long, because a call in the HSM's module cannot be interrupted.
 */
#include "oem-server/guard.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "common/host/log.h"
#include "oem-server/net/net.h"

enum { LOOK_MS = 100 };

static _Noreturn void end_now(const struct guard *guard, const char *why)
{
    char words[HSM_UNRESPONSIVE_SIZE];
    bool unresponsive = hsm_unresponsive(1000, words) != 0;
    log_line(LOG_LEVEL_ERROR, "main: %s while %s: ending here%s%s", why, guard->doing,
             unresponsive ? "; the HSM is unresponsive: " : "", words);
    _exit(guard->code);
}

static void *watch(void *arg)
{
    static const struct timespec look = { 0, LOOK_MS * 1000000L };
    struct guard *guard = arg;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    while (!atomic_load(&guard->over)) {
        if (sigtimedwait(&signals, NULL, &look) > 0)
            end_now(guard, "a signal");
        if (guard->until_ms != 0 && rpc_now_ms() >= guard->until_ms)
            end_now(guard, "its time was up");
    }
    return NULL;
}

enum err guard_begin(struct guard *guard, const char *doing, unsigned timeout_ms, int code)
{
    *guard = (struct guard){ .doing = doing, .code = code };
    guard->until_ms = timeout_ms == 0 ? 0 : rpc_now_ms() + timeout_ms;
    return pthread_create(&guard->thread, NULL, watch, guard) == 0
               ? ERR_OK
               : fail(ERR_IO, "main: cannot start a thread");
}

void guard_end(struct guard *guard)
{
    atomic_store(&guard->over, true);
    pthread_join(guard->thread, NULL);
}
