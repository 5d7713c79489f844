# SPDX-License-Identifier: MIT
# The deepest that a stack can get: reads GCC's call graph (-fcallgraph-info=su) and a file that
# says what the graph cannot:
#   pointer CALLER TARGET...   what a call through a pointer in CALLER can reach
#   recursion FUNCTION DEPTH   FUNCTION is on the stack at most DEPTH times
#   library FUNCTION BYTES     what a function without a graph needs
# Suffixes that GCC gives to copies (.isra.0, .part.0) do not count. Prints the bytes and the
# path; whatever it is not told, it refuses: a pointer, a recursion, a function without size.

function fail(words) { print "stack: " words > "/dev/stderr"; failed = 1; exit 1 }

function plain(title) {
    sub(/^.*:/, "", title)
    sub(/\..*$/, "", title)
    return title
}

function quoted(key,    at, rest) {
    at = index($0, key ": \"")
    rest = substr($0, at + length(key) + 3)
    return substr(rest, 1, index(rest, "\"") - 1)
}

FILENAME ~ /\.ci$/ && /^node:/ {
    label = quoted("label")
    name = plain(quoted("title"))
    known[name] = 1
    if (match(label, /[0-9]+ bytes \([^)]*\)/)) {
        size = substr(label, RSTART, RLENGTH)
        if (size !~ /static/)
            fail(name ": its frame has no fixed size")
        if (size + 0 > frame[name])
            frame[name] = size + 0
        defined[name] = 1
    }
    next
}

FILENAME ~ /\.ci$/ && /^edge:/ {
    from = plain(quoted("sourcename"))
    to = plain(quoted("targetname"))
    if (to == "__indirect_call")
        indirect[from] = 1
    else if (!((from, to) in edge)) {
        edge[from, to] = 1
        calls[from] = calls[from] " " to
    }
    next
}

FILENAME ~ /\.ci$/ || /^#/ || NF == 0 { next }
$1 == "pointer" { pointed[$2] = 1; for (i = 3; i <= NF; i++) calls[$2] = calls[$2] " " $i; next }
$1 == "recursion" { depth[$2] = $3; next }
$1 == "library" { frame[$2] = $3; defined[$2] = 1; next }
{ fail("unknown word: " $1) }

# How often each function of a named recursion is on the stack now: the state that a result
# depends on.
function state(    name, text) {
    for (name in depth)
        text = text name (active[name] + 0) ","
    return text
}

function deepest(name,    key, list, count, i, worst, below, path) {
    if (!(name in defined))
        return 0 == fail("no size of " name)
    if ((name in indirect) && !(name in pointed))
        fail(name " calls through a pointer that nothing names")
    key = name SUBSEP state()
    if (key in result)
        return result[key]
    if (active[name] >= (name in depth ? depth[name] : 1)) {
        if (name in depth)
            return 0
        fail("recursion that nothing names: " name)
    }
    active[name]++
    count = split(calls[name], list, " ")
    for (i = 1; i <= count; i++) {
        below = deepest(list[i])
        if (below > worst) {
            worst = below
            path = trail[list[i] SUBSEP state()]
        }
    }
    active[name]--
    trail[key] = name "(" frame[name] + 0 ") " path
    return result[key] = frame[name] + worst
}

END {
    if (failed)
        exit 1
    bytes = deepest(root)
    print bytes, trail[root SUBSEP state()]
}
