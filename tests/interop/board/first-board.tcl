# SPDX-License-Identifier: MIT
# The procedures of target-fw/first-board/first-board.tcl against an open board of the model. Set
# before: target. said collects what they print.
set said ""
rename echo openocd_echo
proc echo {text} {
    global said
    append said $text \n
}

proc said_by {script} {
    global said
    set said ""
    uplevel 1 $script
    return $said
}

proc want_said {text pattern} {
    if {![regexp $pattern $text]} {error "no $pattern in: $text"}
}

init
halt

check "fb_identity names the part, unused and open" {
    set text [said_by fb_identity]
    want_said $text {SYS_PDID +0x40000000 +0xa1735440}
    want_said $text {KS_OTPSTS +0x40035040 +0x00000000}
    want_said $text {PLM_STS +0x4002f704 +0x00000000}
}

check "fb_config reads UID and CONFIG as shipped" {
    set text [said_by fb_config]
    want_said $text {UID word 2 +0x[0-9a-f]{8}}
    want_said $text {CONFIG3 +0xffffffff}
}

check "fb_doors tells what answers and what is refused" {
    set text [said_by fb_doors]
    want_said $text {KeyStore +0x40035000 +0x}
    want_said $text {KeyStore, non-secure +0x50035000 +refused}
}

check "fb_erase_time and fb_program_time use the page that they are given" {
    want_said [said_by {fb_erase_time 0xf0000}] {erase of page 0x000f0000: [0-9]+ ms}
    want_said [said_by {fb_program_time 0xf0000}] {16 words at 0x000f0000: [0-9]+ ms}
    want 0xf003c [word 0xf003c] 0x12345678
    want 0xf0040 [word 0xf0040] 0xffffffff
}

check "fb_busy compares the two busy bits" {
    want_said [said_by {fb_busy 0xf0800}] {ISPSTS after the erase +0x[0-9a-f]{8}; BUSY was 0 before ISPTRG in 0 of}
    want_said [said_by fb_doors] {DPM window +0xf00016fc +0x44504d00}
}

check "fb_isp says what the flash controller refuses" {
    if {![catch {fb_isp 0x21 0xf0000 0 0x01} why]} {error "programmed without APUEN"}
    want_said $why {ISPSTS 0x}
}

check "fb_reset shows which reset it was" {
    want_said [said_by {fb_reset aircr}] {SYS_RSTSTS after aircr +0x40000004 +0x000000[2-9a-f][0-9a-f]}
    if {![catch {fb_reset warm}]} {error "a reset of that name"}
}

shutdown
