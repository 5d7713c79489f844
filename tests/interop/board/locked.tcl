# SPDX-License-Identifier: MIT
# What is left of a locked board. Set before: level (closed or erase-only), target, a mem_ap target
# that needs no core, dap.
init

check "$level: the debug port still answers" {
    want "power-up acknowledgement" [expr {[$dap dpreg 4] >> 28 & 0xa}] 10
}

foreach {what address} {SRAM 0x20000000 flash 0x00000000 KeyStore 0x40035000 CPUID 0xe000ed00} {
    check "$level: reading $what is refused" {want_refused {$memory read_memory $address 32 1}}
    check "$level: writing $what is refused" {want_refused {$memory write_memory $address 32 {0}}}
}

check "$level: the core cannot be halted" {
    want_refused {$memory write_memory 0xe000edf0 32 {0xa05f0003}}
    want_refused {$target arp_examine}
}

if {$level eq "erase-only"} {
    check "$level: SYS can be read, to find the part that is to be erased" {
        want PDID [format 0x%08x [$memory read_memory 0x40000000 32 1]] 0xa1735440
    }
} else {
    check "$level: SYS cannot be read either" {want_refused {$memory read_memory 0x40000000 32 1}}
}

shutdown
