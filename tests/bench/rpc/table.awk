# SPDX-License-Identifier: MIT
# The figures of tests/bench/rpc/run as the tables of README.md. A line is
#   REPEAT SERVER MEASURE CONNECTIONS FIGURE...
# with four figures for calls and handshakes (per second, p50 us, p99 us, server CPU us each) and
# one for idle (KiB of server memory each). A table shows the median of the repeats; a ratio is
# taken inside each repeat, where both sides had the same machine, and then the median.

function median(list, n,   i, j, t) {
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
            t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
        }
    return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
function middle(server, measure, figure,   r, n, list) { # over the repeats
    for (r = 1; r <= repeats; r++)
        if ((r, server, measure, figure) in value) list[++n] = value[r, server, measure, figure]
    return n ? median(list, n) : 0
}
function best(r, measure, figure, sense,   g, v, b) { # of gRPC's servers, in one repeat
    for (g = 1; g <= 3; g++) {
        v = value[r, grpc[g], measure, figure]
        if (v != "" && (b == "" || (sense == "up" ? v > b : v < b))) b = v
    }
    return b
}

function whole(v) { # thousands apart
    v = sprintf("%.0f", v)
    return length(v) > 3 ? substr(v, 1, length(v) - 3) " " substr(v, length(v) - 2) : v
}
function cell(server, measure, shape) {
    if (shape == "tail")
        return whole(middle(server, measure, 2)) " / " whole(middle(server, measure, 3))
    if (shape == "cpu") return sprintf("%.3f", middle(server, measure, 4) / 100)
    if (shape == "cpu-ms") return sprintf("%.2f", middle(server, measure, 4) / 1000)
    if (shape == "kib") return sprintf("%.1f", middle(server, measure, 1))
    return whole(middle(server, measure, 1))
}
function line(words, measure, shape,   s) {
    printf "| %s |", words
    for (s = 1; s <= servers; s++) printf " %s |", cell(name[s], measure, shape)
    printf "\n"
}
function table(   s, n, at) {
    printf "|"
    for (s = 1; s <= servers; s++) printf " | %s", name[s]
    printf " |\n|"
    for (s = 0; s <= servers; s++) printf "---|"
    printf "\n"
    n = split("1 16 64", at, " ")
    for (s = 1; s <= n; s++) {
        line(at[s] (s == 1 ? " connection" : " connections") ": calls/s", "calls-" at[s], "rate")
        line("p50 / p99, µs", "calls-" at[s], "tail")
        line("CPU s / 10 000 calls", "calls-" at[s], "cpu")
    }
    line("handshakes/s", "handshakes-4", "rate")
    line("CPU ms / handshake", "handshakes-4", "cpu-ms")
    line("KiB / idle connection", "idle-1000", "kib")
}

function compare(server, measure, figure, other, sense, goal,   r, n, ours, theirs, list, ratio) {
    for (r = 1; r <= repeats; r++) {
        if (!((r, server, measure, figure) in value)) continue
        ours = value[r, server, measure, figure]
        theirs = other == "grpc" ? best(r, measure, figure, sense) : value[r, other, measure, figure]
        if (theirs > 0) list[++n] = ours / theirs
    }
    if (n == 0) return " | "
    ratio = median(list, n)
    return sprintf("%.2f%s | %s", ratio, n > 1 ? sprintf(" (%.2f–%.2f)", list[1], list[n]) : "",
        (sense == "up" ? ratio >= goal : ratio <= goal) ? "met" : "**missed**")
}
function goal(words, measure, figure, other, sense, limit) {
    printf "| %s | %s | %s |\n", words, compare("ours-io", measure, figure, other, sense, limit),
        compare("ours-work", measure, figure, other, sense, limit)
}
function goals() {
    printf "\n| goal, against the best of gRPC's | ours-io | | ours-work | |\n|---|---|---|---|---|\n"
    goal("calls/s, 1 connection ≥ 2", "calls-1", 1, "grpc", "up", 2)
    goal("calls/s, 16 ≥ 3.5", "calls-16", 1, "grpc", "up", 3.5)
    goal("calls/s, 64 ≥ 4.5", "calls-64", 1, "grpc", "up", 4.5)
    goal("CPU per call, 1 ≤ 1/2", "calls-1", 4, "grpc", "down", 1 / 2)
    goal("CPU per call, 16 ≤ 1/3", "calls-16", 4, "grpc", "down", 1 / 3)
    goal("CPU per call, 64 ≤ 1/4", "calls-64", 4, "grpc", "down", 1 / 4)
    goal("p99, 64 ≤ 1/3", "calls-64", 3, "grpc", "down", 1 / 3)
    goal("memory ≤ 1/3", "idle-1000", 1, "grpc", "down", 1 / 3)
    goal("CPU per handshake ≤ 1", "handshakes-4", 4, "grpc", "down", 1)
    goal("CPU per call against raw, 16 ≤ 1.3", "calls-16", 4, "raw-epoll", "down", 1.3)
}

BEGIN { grpc[1] = "grpc-sync"; grpc[2] = "grpc-callback"; grpc[3] = "grpc-async" }
{
    if (!($2 in seen)) { seen[$2] = 1; name[++servers] = $2 }
    if ($1 > repeats) repeats = $1
    for (f = 5; f <= NF; f++) value[$1, $2, $3 "-" $4, f - 4] = $f + 0
}
END {
    table()
    goals()
}
