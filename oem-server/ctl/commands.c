/* SPDX-License-Identifier: MIT */
#include "oem-server/ctl/commands.h"

const struct command *const commands[] = {
    &init_command,         &firmware_release_command,
    &order_create_command, &order_show_command,
    &station_add_command,  &station_revoke_command,
    &operator_add_command, &operator_revoke_command,
    &auditor_add_command,  &auditor_revoke_command,
    &unit_show_command,    &log_show_command,
    &log_verify_command,   &log_export_command,
    &health_command,       NULL,
};
