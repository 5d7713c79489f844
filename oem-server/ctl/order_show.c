/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/order_report.h"
#include "oem-server/ctl/remote.h"

struct show_args {
    char *name;
};

/* Those for station-agent seal, if they are not just about to be proven. */
static enum err report_unsealed(struct report *report,
                                const Hallmark__V1__ShowOrderResponse *out)
{
    AUTO(free_drop) char **texts = calloc(out->n_unsealed + 1, sizeof(*texts));
    AUTO(free_drop) char *hex = calloc(out->n_unsealed + 1, 2 * UID_SIZE + 1);
    if (texts == NULL || hex == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    for (size_t i = 0; i < out->n_unsealed; i++) {
        const ProtobufCBinaryData *uid = &out->unsealed[i];
        if (uid->len != UID_SIZE)
            return fail_quiet(ERR_PROTO, "the server names a UID of %zu bytes", uid->len);
        texts[i] = hex_of(span_of(uid->data, uid->len), hex + i * (2 * UID_SIZE + 1));
    }
    report_texts(report, "unsealed", texts, out->n_unsealed);
    return ERR_OK;
}

static enum err show(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)command;
    const struct show_args *a = args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ShowOrderResponse *out = NULL;
    AUTO(report_free) struct report report = report_new();
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    in.name = a->name;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__orders__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__orders__show, &in, &out));
    if (out->order == NULL)
        return fail_quiet(ERR_PROTO, "the server's answer has no order");
    order_report(&report, out->order);
    report_number(&report, "open", out->open);
    report_number(&report, "done", out->done);
    report_number(&report, "sealed", out->sealed);
    report_number(&report, "finished_not_sealed",
                  out->done < out->sealed ? 0 : out->done - out->sealed);
    TRY(report_unsealed(&report, out));
    report_number(&report, "failed", out->failed);
    return report_print(&report, ctl);
}

static const struct option_row operands[] = {
    { "NAME", NULL, "of the order", option_name, offsetof(struct show_args, name), true,
      false },
};

const struct command order_show_command = {
    .words = "order show",
    .synopsis = "NAME [OPTION]...",
    .text = "Show an order and how far it is",
    .operands = operands,
    .operand_count = COUNT(operands),
    .args_size = sizeof(struct show_args),
    .run = show,
};
