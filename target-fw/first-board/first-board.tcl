# SPDX-License-Identifier: MIT
# Commands for OpenOCD that look at the first real board: README.md says which, in what order, and
# what to expect. Source it after the transport and the TAP or DAP are set; it makes a target.
#
# Nothing here erases or writes flash but fb_erase_time, fb_program_time and fb_busy, on a page that
# the caller names; nothing here writes OTP, CONFIG, DPM or PLM at all.

# A read that says what was answered: the value, or that it was refused.
proc fb_read {address} {
    if {[catch {set value [read_memory $address 32 1]} why]} {
        return "refused ([lindex [split $why \n] 0])"
    }
    return [format 0x%08x $value]
}

proc fb_show {what address} {
    echo [format "%-22s 0x%08x  %s" $what $address [fb_read $address]]
}

# The KeyStore and the flash controller answer only with their clocks on.
proc fb_clocks {} {
    write_memory 0x40000204 32 [expr {[read_memory 0x40000204 32 1] | 1 << 2 | 1 << 13}]
}

# Registers that say which part it is, and in what state.
proc fb_identity {} {
    catch {fb_clocks}
    foreach {what address} {
        SYS_PDID 0x40000000  SYS_RSTSTS 0x40000004  CPUID 0xe000ed00  DHCSR 0xe000edf0
        DAUTHSTATUS 0xe000efb8  KS_OTPSTS 0x40035040  DPM_STS 0x4002f604  DPM_NSSTS 0x4002f654
        PLM_STS 0x4002f704  BTF 0x4002f800  SRAM 0x20000000  flash 0x00000000
    } {fb_show $what $address}
}

# What each door of the debug port answers: for the table of shut doors of each level.
proc fb_doors {} {
    foreach {what address} {
        SRAM 0x20000000  "SRAM, non-secure" 0x30000000  flash 0x00000000
        "flash, non-secure" 0x10000000  CONFIG0 0x00300000  KeyStore 0x40035000
        "KeyStore, non-secure" 0x50035000  FMC 0x4000c000  "DPM window" 0xf00016fc  SYS_PDID 0x40000000  DPM_STS 0x4002f604
        PLM_STS 0x4002f704  CPUID 0xe000ed00  DHCSR 0xe000edf0  "ROM table" 0xe00ff000
    } {fb_show $what $address}
}

proc fb_unlock {} {
    foreach key {0x59 0x16 0x88} {write_memory 0x40000100 32 $key}
    if {([read_memory 0x40000100 32 1] & 1) == 0} {error "SYS_REGLCTL does not open"}
}

# One command of the flash controller; gives ISPDAT, or an error with ISPSTS.
proc fb_isp {command address {data 0} {enables 0x01}} {
    fb_unlock
    write_memory 0x40000204 32 [expr {[read_memory 0x40000204 32 1] | 4}]
    write_memory 0x4000c000 32 [expr {$enables | 0x40}]
    write_memory 0x4000c004 32 $address
    write_memory 0x4000c008 32 $data
    write_memory 0x4000c00c 32 $command
    write_memory 0x4000c010 32 1
    set polls 0
    while {[read_memory 0x4000c010 32 1] & 1} {
        if {[incr polls] > 2000} {error "flash command [format 0x%02x $command] stays busy"}
    }
    set status [read_memory 0x4000c040 32 1]
    set value [read_memory 0x4000c008 32 1]
    write_memory 0x4000c000 32 0
    if {$status & 0x60} {error [format "flash command 0x%02x at 0x%08x: ISPSTS 0x%08x" $command $address $status]}
    return [format 0x%08x $value]
}

# UID (three words), and CONFIG0 to CONFIG3.
proc fb_config {} {
    foreach at {0 4 8} {echo [format "UID word %d             %s" [expr {$at / 4}] [fb_isp 0x04 $at]]}
    foreach at {0 4 8 12} {
        echo [format "CONFIG%d                %s" [expr {$at / 4}] [fb_isp 0x00 [expr {0x300000 + $at}]]]
    }
}

# Clear SYS_RSTSTS, reset in that way, read it and BTF with the core running.
proc fb_reset {kind} {
    fb_unlock
    write_memory 0x40000004 32 0x1ff
    switch $kind {
        aircr {catch {write_memory 0xe000ed0c 32 0x05fa0004}}
        chip {catch {write_memory 0x40000008 32 1}}
        pin {adapter assert srst; sleep 20; adapter deassert srst}
        default {error "aircr, chip or pin, not $kind"}
    }
    sleep 100
    fb_show "SYS_RSTSTS after $kind" 0x40000004
    fb_show "BTF after $kind" 0x4002f800
    fb_show "PLM_STS after $kind" 0x4002f704
}

# Milliseconds as this PC sees them: the probe's round trips are in it. page: 2 KiB aligned.
proc fb_erase_time {page} {
    set start [clock milliseconds]
    fb_isp 0x22 $page 0 0x09
    echo "erase of page [format 0x%08x $page]: [expr {[clock milliseconds] - $start}] ms"
}

proc fb_program_time {address} {
    set start [clock milliseconds]
    for {set i 0} {$i < 16} {incr i} {fb_isp 0x21 [expr {$address + 4 * $i}] 0x12345678 0x09}
    echo "16 words at [format 0x%08x $address]: [expr {[clock milliseconds] - $start}] ms"
}

# Does ISPSTS bit 0 (BUSY) follow ISPTRG? Erases the page, and looks at both until it is done.
proc fb_busy {page} {
    fb_unlock
    write_memory 0x40000204 32 [expr {[read_memory 0x40000204 32 1] | 4}]
    write_memory 0x4000c000 32 0x49
    write_memory 0x4000c004 32 $page
    write_memory 0x4000c00c 32 0x22
    write_memory 0x4000c010 32 1
    set before 0
    set after 0
    while {[read_memory 0x4000c010 32 1] & 1} {
        if {([read_memory 0x4000c040 32 1] & 1) == 0 && ([read_memory 0x4000c010 32 1] & 1)} {incr before}
        if {[incr after] > 2000} {error "the erase stays busy"}
    }
    set status [read_memory 0x4000c040 32 1]
    write_memory 0x4000c000 32 0
    echo [format "ISPSTS after the erase  0x%08x; BUSY was 0 before ISPTRG in %d of %d looks" $status $before $after]
}
