# The figures of tests/bench/rpc/run as tables. A line is
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
function compare(words, server, measure, figure, other, sense, goal,   r, n, ours, theirs, list, ratio, least, most) {
    for (r = 1; r <= repeats; r++) {
        if (!((r, server, measure, figure) in value)) continue
        ours = value[r, server, measure, figure]
        theirs = other == "grpc" ? best(r, measure, figure, sense) : value[r, other, measure, figure]
        if (theirs > 0) list[++n] = ours / theirs
    }
    ratio = median(list, n); least = list[1]; most = list[n]
    printf "  %-44s %6.2f  (%.2f-%.2f)", words, ratio, least, most
    if (goal == "") printf "\n"
    else printf "   goal %s %-5s %s\n", sense == "up" ? ">=" : "<=", goal, \
        (sense == "up" ? ratio >= goal : ratio <= goal) ? "met" : "missed"
}
function table(measure, heading,   s) {
    printf "\n%s\n  %-15s %10s %10s %10s %14s\n", heading, "server", "per s", "p50 us", "p99 us", cpu_heading
    for (s = 1; s <= servers; s++)
        printf "  %-15s %10.0f %10.0f %10.0f %14.3f\n", name[s], middle(name[s], measure, 1), \
            middle(name[s], measure, 2), middle(name[s], measure, 3), middle(name[s], measure, 4) / cpu_unit
}
function ratios(server, words) {
    printf "\nratios: %s, against the best of gRPC's servers; median (least-most)\n", words
    compare("calls per second, 1 connection", server, "calls-1", 1, "grpc", "up", 2)
    compare("calls per second, 16 connections", server, "calls-16", 1, "grpc", "up", 3.5)
    compare("calls per second, 64 connections", server, "calls-64", 1, "grpc", "up", 4.5)
    compare("server CPU per call, 1 connection", server, "calls-1", 4, "grpc", "down", 0.5)
    compare("server CPU per call, 16 connections", server, "calls-16", 4, "grpc", "down", 0.333)
    compare("server CPU per call, 64 connections", server, "calls-64", 4, "grpc", "down", 0.25)
    compare("p99, 64 connections", server, "calls-64", 3, "grpc", "down", 0.333)
    compare("memory per idle connection", server, "idle-1000", 1, "grpc", "down", 0.333)
    compare("server CPU per handshake", server, "handshakes-4", 4, "grpc", "down", 1)
    compare("full handshakes per second", server, "handshakes-4", 1, "grpc", "up", "")
    printf "  against raw OpenSSL\n"
    compare("server CPU per call, 1 connection", server, "calls-1", 4, "raw-epoll", "down", "")
    compare("server CPU per call, 16 connections", server, "calls-16", 4, "raw-epoll", "down", 1.3)
    compare("server CPU per call, 64 connections", server, "calls-64", 4, "raw-epoll", "down", "")
    compare("calls per second, 16 connections", server, "calls-16", 1, "raw-epoll", "up", "")
}
BEGIN { grpc[1] = "grpc-sync"; grpc[2] = "grpc-callback"; grpc[3] = "grpc-async" }
{
    if (!($2 in seen)) { seen[$2] = 1; name[++servers] = $2 }
    if ($1 > repeats) repeats = $1
    for (f = 5; f <= NF; f++) value[$1, $2, $3 "-" $4, f - 4] = $f + 0
}
END {
    cpu_heading = "CPU s/10 k"; cpu_unit = 100
    table("calls-1", "calls, 1 connection")
    table("calls-16", "calls, 16 connections, one in flight each")
    table("calls-64", "calls, 64 connections, one in flight each")
    cpu_heading = "CPU ms each"; cpu_unit = 1000
    table("handshakes-4", "full handshakes to the first call, 4 at once")
    printf "\nserver memory per idle connection, at 1000\n"
    for (s = 1; s <= servers; s++)
        printf "  %-15s %10.1f KiB\n", name[s], middle(name[s], "idle-1000", 1)
    ratios("ours-io", "handler on the I/O thread")
    ratios("ours-work", "handler on a worker (oem-server/work), as the product runs it")
}
