/* SPDX-License-Identifier: MIT */
/*
 * What is known of the probes on USB without opening one. Called by probes.c for `station-agent
 * probes`. It must not open a device or take a lock.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/probe/usb.h"
#include "station-agent/probe/usb_pick.h"
#include "station-agent/probe/usb_user.h"

const char usb_denied_advice[] =
    "install 70-hallmark-probes.rules in /etc/udev/rules.d, put this user into group plugdev, "
    "plug the probe in again";

static int number_of(const struct usb_pipe *pipe)
{
    return pipe->found ? pipe->number : -1;
}

static void set_state(struct probe_info *info, enum probe_state state, const char *advice)
{
    info->state = state;
    snprintf(info->advice, sizeof(info->advice), "%s", advice);
}

static void set_busy(struct probe_info *info, const struct usb_holder *holder)
{
    char words[USB_HOLDER_MAX], advice[PROBE_ADVICE_MAX];
    usb_holder_words(holder, words, sizeof(words));
    snprintf(advice, sizeof(advice), "wait for %s, or end it", words);
    info->holder_pid = holder->pid;
    snprintf(info->holder, sizeof(info->holder), "%s", holder->program);
    set_state(info, PROBE_BUSY, advice);
}

/* The reasons why it is not usable, in the order in which to fix them. */
static void judge(const struct usb_roots *roots, const struct usb_seen *seen,
                  struct probe_info *info)
{
    struct usb_holder holder;
    if (usb_mode_advice(seen) != NULL)
        set_state(info, PROBE_WRONG_MODE, usb_mode_advice(seen));
    else if (access(info->node, R_OK | W_OK) != 0)
        set_state(info, PROBE_DENIED, usb_denied_advice);
    else if (usb_lock_holder(roots, seen->port, &holder) || usb_user_find(roots, seen, &holder))
        set_busy(info, &holder);
    else
        set_state(info, PROBE_READY, "");
}

static void describe(const struct usb_roots *roots, const struct usb_seen *seen,
                     struct probe_info *info)
{
    char node[USB_PATH_MAX];
    *info = (struct probe_info){
        .vendor_id = seen->vendor_id,
        .product_id = seen->product_id,
        .v2 = number_of(&seen->pipes[USB_V2]),
        .v1 = number_of(&seen->pipes[USB_V1]),
    };
    usb_node_path(roots, seen, node);
    snprintf(info->name, sizeof(info->name), "usb:port=%s", seen->port);
    snprintf(info->port, sizeof(info->port), "%s", seen->port);
    snprintf(info->serial, sizeof(info->serial), "%s", seen->serial);
    snprintf(info->product, sizeof(info->product), "%s", seen->product);
    snprintf(info->node, sizeof(info->node), "%.150s", node);
    judge(roots, seen, info);
}

enum err usb_list(const struct usb_roots *roots, struct probe_info list[static PROBES_MAX],
                  size_t *count_out)
{
    _Static_assert((int)PROBES_MAX == (int)USB_SEEN_MAX, "a place for each");
    AUTO(free_drop) struct usb_list *seen = calloc(1, sizeof(*seen));
    if (seen == NULL)
        return fail(ERR_MEMORY, "probe: out of memory");
    TRY(usb_scan(roots, seen));
    for (size_t i = 0; i < seen->count; i++)
        describe(roots, &seen->seen[i], &list[i]);
    *count_out = seen->count;
    return ERR_OK;
}

enum err probe_list(struct probe_info list[static PROBES_MAX], size_t *count_out)
{
    return usb_list(&usb_roots, list, count_out);
}

const char *probe_state_text(enum probe_state state)
{
    static const char *const texts[] = {
        [PROBE_READY] = "ready",
        [PROBE_DENIED] = "no permission",
        [PROBE_BUSY] = "busy",
        [PROBE_WRONG_MODE] = "wrong mode",
    };
    return texts[state];
}
