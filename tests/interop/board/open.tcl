# SPDX-License-Identifier: MIT
# All that a debugger does on an open board. Set before: dir (in.bin, flash.bin; dump goes there),
# devauth (image), devauth_break (an address in it), target.
init

check "finds a Cortex-M23" {
    if {![$target was_examined]} {error "not examined"}
    want CPUID [word 0xe000ed00] 0x411cd200
}

check "halts" {
    halt
    want state [$target curstate] halted
}

check "writes and reads core registers" {
    set n 0
    foreach name {r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 lr msp} {
        set value [format 0x%08x [expr {0x20000100 + 0x1010 * [incr n]}]]
        set_reg [list $name $value]
        $target curstate
        lappend wrote $name $value
    }
    foreach {name value} $wrote {want $name [register $name] $value}
}

check "an SRAM bank without its clock keeps nothing" {
    write_memory 0x20008000 32 {0x12345678}
    want 0x20008000 [word 0x20008000] 0x00000000
}

check "128 KiB to SRAM and back" {
    write_memory 0x40000204 32 [list [expr {[word 0x40000204] | 7 << 20}]]
    load_image $dir/in.bin 0x20000000 bin
    dump_image $dir/out.bin 0x20000000 0x20000
    exec cmp $dir/in.bin $dir/out.bin
}

check "bytes and half words" {
    write_memory 0x20000100 32 {0x11223344 0x55667788}
    write_memory 0x20000101 8 {0xaa}
    write_memory 0x20000106 16 {0xbbcc}
    want word [word 0x20000100] 0x1122aa44
    want word [word 0x20000104] 0xbbcc7788
    want byte [format 0x%02x [read_memory 0x20000103 8 1]] 0x11
}

check "steps" {
    write_memory 0x20000000 16 {0x2007 0x3001 0x4601 0xe7fe}
    set_reg {pc 0x20000000 xPSR 0x01000000}
    step
    want r0 [register r0] 0x00000007
    step
    want r0 [register r0] 0x00000008
    step
    want r1 [register r1] 0x00000008
    want pc [register pc] 0x20000006
}

proc devauth_load {} {
    global devauth
    load_image $devauth 0x20000000 bin
    set_reg [list msp [word 0x20000000] pc [expr {[word 0x20000004] & ~1}] xPSR 0x01000000]
    write_memory 0xe000ed08 32 {0x20000000}
}

foreach {kind option} {software {} hardware hw} {
    check "a $kind breakpoint in DevAuth" {
        devauth_load
        bp $devauth_break 2 {*}$option
        resume
        wait_halt 5000
        want pc [register pc] $devauth_break
        step
        resume
        wait_halt 5000
        want "pc, the second time," [register pc] $devauth_break
        rbp all
    }
}

check "a watchpoint on DevAuth's mailbox" {
    devauth_load
    set mailbox [word 0x20000018]
    write_memory $mailbox 32 {0}
    wp $mailbox 4 w
    resume
    wait_halt 5000
    while {[word $mailbox] ne "0x584d4d48"} { ; # once it is cleared, once it is ready
        if {[incr hits] > 2} {error "magic is [word $mailbox]"}
        resume
        wait_halt 5000
    }
    rwp $mailbox
}

check "DevAuth runs on: its mailbox is ready" {
    resume
    set mailbox [word 0x20000018]
    for {set i 0} {[word $mailbox] ne "0x584d4d48"} {incr i} {
        if {$i == 1000} {error "magic is [word $mailbox]"}
    }
    halt
}

check "reads flash" {
    dump_image $dir/out.bin 0 0x1000
    exec cmp $dir/flash.bin $dir/out.bin
}

check "a store to flash faults, and the next access does not" {
    set before [word 0x800]
    want_refused {write_memory 0x800 32 {0}}
    want 0x800 [word 0x800] $before
}

check "reset halt stops before the first instruction" {
    reset halt
    want pc [register pc] 0x00000008
    step
    want r0 [register r0] 0x00000001
}

# M2354BSP dpm_reg.h: DPM_CTL and DPM_NSCTL with their key; LOCK is bit 1 and takes effect at the
# next reset.
check "arms the lock; it is open until the next reset" {
    write_memory 0x4002f600 32 {0x5a000002}
    write_memory 0x4002f650 32 {0x5a000002}
    want CPUID [word 0xe000ed00] 0x411cd200
}

shutdown
