/* SPDX-License-Identifier: MIT */
/*
 * unit release, fail, scrap, accept, hold and allow: changes of one unit, each with its reason.
 * Called through the table of commands. Whether the unit's state allows the change must be the
 * server's decision alone.
 */
#include "common/host/log.h"
#include "oem-server/ctl/advise.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/ctl/unit_row.h"

struct change_args {
    struct option_uid uid;
    char *reason;
    bool board_refuses; /* release only */
    uint32_t cause;     /* allow only */
};

/* One request, of the service's function of that name, from the arguments. */
#define CHANGE_CALL(id, Id)                                                                    \
    static enum err call_##id(struct rpc_stub *stub, struct change_args *a,                    \
                              Hallmark__V1__ChangeUnitResponse **out)                          \
    {                                                                                          \
        Hallmark__V1__##Id##UnitRequest in;                                                    \
        hallmark__v1__##id##_unit_request__init(&in);                                          \
        in.uid = (ProtobufCBinaryData){ sizeof(a->uid.bytes), a->uid.bytes };                  \
        in.reason = a->reason;                                                                 \
        return RPC_CALL(stub, hallmark__v1__units__##id, &in, out);                            \
    }

CHANGE_CALL(fail, Fail)
CHANGE_CALL(scrap, Scrap)
CHANGE_CALL(accept, Accept)
CHANGE_CALL(hold, Hold)

static enum err call_allow(struct rpc_stub *stub, struct change_args *a,
                           Hallmark__V1__ChangeUnitResponse **out)
{
    Hallmark__V1__AllowUnitRequest in = HALLMARK__V1__ALLOW_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ sizeof(a->uid.bytes), a->uid.bytes };
    in.reason = a->reason;
    in.cause = (Hallmark__V1__HoldCause)a->cause;
    return RPC_CALL(stub, hallmark__v1__units__allow, &in, out);
}

static enum err call_release(struct rpc_stub *stub, struct change_args *a,
                             Hallmark__V1__ChangeUnitResponse **out)
{
    Hallmark__V1__ReleaseUnitRequest in = HALLMARK__V1__RELEASE_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ sizeof(a->uid.bytes), a->uid.bytes };
    in.reason = a->reason;
    in.board_refuses = a->board_refuses;
    return RPC_CALL(stub, hallmark__v1__units__release, &in, out);
}

typedef enum err change_call(struct rpc_stub *stub, struct change_args *a,
                             Hallmark__V1__ChangeUnitResponse **out);

static enum err change(struct ctl *ctl, const struct change_args *args, change_call *call)
{
    struct change_args a = *args;
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__ChangeUnitResponse *out = NULL;
    TRY(remote_open(ctl, &remote));
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__units__descriptor, remote_send, remote);
    TRY(advise(call(&stub, &a, &out), ADVISE_UNIT));
    return unit_row_answer(ctl, out->unit, SPAN(a.uid.bytes));
}

static enum err choose_cause(const char *text, void *u32_out)
{
    return option_choose(unit_row_causes, text, u32_out);
}

#define REASON                                                                                 \
    {                                                                                          \
        "reason", "TEXT", "why, for all log", option_reason,                                   \
            offsetof(struct change_args, reason), true, false                                  \
    }

static const struct option_row options[] = { REASON };
static const struct option_row allow_options[] = {
    REASON,
    { "cause", "CAUSE", "lift the holds of operator (unless given), firmware or station",
      choose_cause, offsetof(struct change_args, cause), false, false },
};
static const struct option_row release_options[] = {
    REASON,
    { "board-refuses", NULL, "the unit goes to an order with another boot key", option_flag,
      offsetof(struct change_args, board_refuses), false, false },
};

static const struct option_row operands[] = {
    { "UID", NULL, "of the unit, 24 hex digits", option_uid, offsetof(struct change_args, uid),
      true, false },
};

#define CHANGE_COMMAND(id, rows, more, what)                                                   \
    static enum err run_##id(struct ctl *ctl, const struct command *command, const void *args) \
    {                                                                                          \
        (void)command;                                                                         \
        return change(ctl, args, call_##id);                                                   \
    }                                                                                          \
    const struct command unit_##id##_command = {                                               \
        .words = "unit " #id,                                                                  \
        .synopsis = "UID --reason TEXT" more " [OPTION]...",                                   \
        .text = (what),                                                                        \
        .options = (rows),                                                                     \
        .option_count = COUNT(rows),                                                           \
        .operands = operands,                                                                  \
        .operand_count = COUNT(operands),                                                      \
        .args_size = sizeof(struct change_args),                                               \
        .run = run_##id,                                                                       \
    }

CHANGE_COMMAND(release, release_options, " [--board-refuses]",
               "Make the UID free for a new run, and revoke its certificate");
CHANGE_COMMAND(fail, options, "", "Fail a started unit, and revoke its certificate");
CHANGE_COMMAND(scrap, options, "", "Take a unit out permanently, and revoke its certificate");
CHANGE_COMMAND(accept, options, "", "Seal a committed unit that gave no lock statement");
CHANGE_COMMAND(hold, options, "",
               "Stop a finished or committed unit until it is allowed again");
CHANGE_COMMAND(allow, allow_options, " [--cause CAUSE]", "Lift the holds with one cause");
