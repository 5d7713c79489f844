/* SPDX-License-Identifier: MIT */
/*
 * The table of subcommands, in the order in which help lists them. Read by command_find() and
 * help. A command that is not in it does not exist.
 */
#include "oem-server/ctl/commands.h"

const struct command *const commands[] = {
    &init_command,
    &firmware_release_command,
    &firmware_list_command,
    &firmware_withdraw_command,
    &order_create_command,
    &order_show_command,
    &order_list_command,
    &order_close_command,
    &order_extend_command,
    &order_set_quantity_command,
    &order_add_station_command,
    &order_remove_station_command,
    &station_list_command,
    &station_add_command,
    &station_revoke_command,
    &operator_list_command,
    &operator_add_command,
    &operator_revoke_command,
    &auditor_list_command,
    &auditor_add_command,
    &auditor_revoke_command,
    &unit_list_command,
    &unit_show_command,
    &unit_release_command,
    &unit_scrap_command,
    &unit_accept_command,
    &unit_hold_command,
    &unit_allow_command,
    &unit_reassign_command,
    &run_list_command,
    &run_end_command,
    &log_show_command,
    &log_verify_command,
    &log_export_command,
    &health_command,
    NULL,
};
