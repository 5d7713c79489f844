# SPDX-License-Identifier: MIT
# Checks that OpenOCD itself makes: a line "ok CLIENT: NAME" or "not ok CLIENT: NAME: why" each, on
# standard output. Set before: client.
proc check {name script} {
    global client
    if {[catch {uplevel 1 $script} why]} {
        puts "not ok $client: $name: [regsub -all {\s+} $why { }]"
    } else {
        puts "ok $client: $name"
    }
    flush stdout
}

proc want {what got wanted} {
    if {$got ne $wanted} {error "$what is $got, not $wanted"}
}

proc word {address} {
    return [format 0x%08x [read_memory $address 32 1]]
}

proc register {name} {
    return [format 0x%08x [lindex [get_reg [list $name]] 1]]
}

# What was meant to be refused must be so by the target, not by OpenOCD's own doubts.
proc want_refused {script} {
    if {![catch {uplevel 1 $script}]} {error "it was done"}
}
