/* SPDX-License-Identifier: MIT */
/* commands: the subcommands, each defined in the file of its name. */
#pragma once

#include "oem-server/ctl/command.h"

extern const struct command init_command;
extern const struct command store_adopt_command;
extern const struct command firmware_release_command;
extern const struct command firmware_list_command;
extern const struct command firmware_withdraw_command;
extern const struct command order_create_command;
extern const struct command order_show_command;
extern const struct command order_list_command;
extern const struct command order_close_command;
extern const struct command order_extend_command; /* order_change.c */
extern const struct command order_set_quantity_command;
extern const struct command order_add_station_command;
extern const struct command order_remove_station_command;
extern const struct command station_add_command; /* principal_add.c */
extern const struct command operator_add_command;
extern const struct command auditor_add_command;
extern const struct command station_revoke_command; /* principal_revoke.c */
extern const struct command operator_revoke_command;
extern const struct command auditor_revoke_command;
extern const struct command station_list_command; /* principal_list.c */
extern const struct command operator_list_command;
extern const struct command auditor_list_command;
extern const struct command unit_list_command;
extern const struct command unit_show_command;
extern const struct command unit_release_command; /* unit_change.c */
extern const struct command unit_scrap_command;
extern const struct command unit_accept_command;
extern const struct command unit_fail_command;
extern const struct command unit_derive_command;
extern const struct command service_list_command;
extern const struct command service_add_command;
extern const struct command service_revoke_command;
extern const struct command unit_hold_command;
extern const struct command unit_allow_command;
extern const struct command unit_reassign_command;
extern const struct command station_seize_command;
extern const struct command approve_command; /* pending_decide.c */
extern const struct command pending_reject_command;
extern const struct command pending_withdraw_command;
extern const struct command pending_list_command; /* pending_list.c */
extern const struct command pending_show_command;
extern const struct command run_list_command;
extern const struct command run_end_command;
extern const struct command log_show_command;
extern const struct command log_verify_command;
extern const struct command log_export_command;
extern const struct command health_command;
