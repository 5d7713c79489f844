# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# parties: each is lost while programs stand still at their points, and comes back afterwards.
# Sourced by tests/cut/cut.
#
# Each party has a loss and a return. server and token belong to all boards of the batch, the others
# to one board. "silent" is a network that is there and passes nothing on: no connection is closed,
# and both ends have to find out by their own clocks. What is sent in the meantime comes late.

parties=(power link agent server network token silent silent-up silent-down)
order="cut"

lose_power() { control_ok power "$1" off; } # lose_power BOARD
back_power() { control_ok power "$1" on; }

lose_link() { control_ok fault "$1" link-down on; }
back_link() { control_ok fault "$1" link-down off; }

lose_agent() { process_kill "agent-$1"; }
back_agent() { :; }

lose_server() { process_kill oem-server; }
back_server() { system_server; }

lose_network() { relay cut "$1"; } # both ends see that their connection is gone
back_network() { :; }

lose_silent() { line_silent "$1" both; }
back_silent() { line_go "$1"; }
lose_silent-up() { line_silent "$1" up; } # what the agent sends
back_silent-up() { line_go "$1"; }
lose_silent-down() { line_silent "$1" down; } # what the server sends
back_silent-down() { line_go "$1"; }

# SoftHSM does not look for files again that went away: the server is restarted when they are back,
# as its service manager would do after a minute (tests/e2e/slow/token).
lose_token() { mv "$run_dir/hsm/tokens" "$run_dir/hsm/away"; }
back_token() {
    mv "$run_dir/hsm/away" "$run_dir/hsm/tokens"
    process_stop oem-server || true
    system_server
}

is_shared() { # is_shared PARTY: it belongs to all boards
    [[ $1 = server || $1 = token ]]
}

is_silence() { [[ $1 = silent* ]]; } # is_silence PARTY

needs_line() { # needs_line PARTY: it is lost between the agent and the server
    [[ $1 = network ]] || is_silence "$1"
}
