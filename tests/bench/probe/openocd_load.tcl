# SPDX-License-Identifier: MIT
# OpenOCD writes FILE to SRAM at 0x20000000. Prints what that took in simulated time, in the form of
# bench_probe. Set before: file, control.
gdb_port disabled
tcl_port disabled
telnet_port disabled
adapter driver cmsis-dap
cmsis_dap_backend usb_bulk
adapter speed 24000
transport select swd
swd newdap m23 cpu -expected-id 0x0bf11477
dap create m23.dap -chain-position m23.cpu
target create m23.cpu cortex_m -dap m23.dap

proc now {name} {
    global control
    set answer [exec sh -c "echo time 0 | socat -t 10 - UNIX-CONNECT:$control"]
    regexp "\"$name\":(\[0-9\]+)" $answer all value
    return $value
}

init
halt
write_memory 0x40000204 32 [expr {[read_memory 0x40000204 32 1] | 7 << 20}] ;# SRAM's clocks
set us [now us]
set packets [now packets]
load_image $file 0x20000000 bin
puts "openocd_us=[expr {[now us] - $us}] openocd_packets=[expr {[now packets] - $packets}]"
shutdown
