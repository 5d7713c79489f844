#include "common/host/log.h"
#include "oem-server/ctl/commands.h"
static enum err run(struct ctl *ctl, const struct command *command, const void *args)
{
    (void)ctl, (void)command, (void)args;
    return fail_quiet(ERR_UNIMPLEMENTED, "init: not yet");
}
const struct command init_command = {
    .words = "init",
    .synopsis = "--config FILE --operator NAME --out DIR [OPTION]...",
    .text = "Make the CA's keys and certificates and the first operator",
    .run = run,
};
