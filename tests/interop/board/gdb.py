# SPDX-License-Identifier: MIT
# gdb's part of the test gdb: each check is a line "ok gdb: NAME" or "not ok gdb: NAME: why". The
# target is connected and halted at its reset vector; the program is DevAuth with its source lines.
import gdb

SRAM = 0x20000000
FREE = 0x20007800  # SRAM that DevAuth does not use
MAGIC = 0x584D4D48  # the mailbox's, once it is made


def run(command):
    return gdb.execute(command, to_string=True)


def value(expression):
    return int(gdb.parse_and_eval(expression)) & 0xFFFFFFFF


def want(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what} is {got}, not {wanted}")


def want_in(text, wanted):
    if wanted not in text:
        raise AssertionError(f"no {wanted!r} in {' '.join(text.split())!r}")


def want_here(function):
    want("function", gdb.selected_frame().name(), function)


def check(name):
    def decorate(steps):
        try:
            steps()
            print(f"ok gdb: {name}", flush=True)
        except (AssertionError, gdb.error, gdb.MemoryError) as why:
            print(f"not ok gdb: {name}: {' '.join(str(why).split())}", flush=True)
    return decorate


for setting in ("pagination off", "confirm off", "remotetimeout 20", "width 0"):
    gdb.execute("set " + setting)
magic = int(gdb.parse_and_eval("(unsigned long)&mailbox"))


def start():
    run(f"set $sp = *(unsigned *){SRAM}")
    run(f"set $pc = *(unsigned *){SRAM + 4}")
    run(f"set *(unsigned *)0xe000ed08 = {SRAM}")


@check("loads DevAuth, and it is there")
def _():
    run("load")
    want_in(run("compare-sections .text"), "matched")
    start()


@check("stops at main, and knows who called it")
def _():
    run("tbreak main")
    run("continue")
    want_here("main")
    frame = gdb.selected_frame()
    while frame.older() is not None and frame.name() != "reset_handler":
        frame = frame.older()
    want("outermost caller", frame.name(), "reset_handler")


@check("steps by source lines")
def _():
    before = gdb.selected_frame().find_sal().line
    run("step")
    if gdb.selected_frame().find_sal().line == before:
        raise AssertionError(f"still at line {before}")


def watched(kind, wanted):
    watch = gdb.Breakpoint(f"*(unsigned *){magic}", gdb.BP_WATCHPOINT, kind)
    try:
        run("continue")
        want("hits", watch.hit_count, 1)
        want("the word", value(f"*(unsigned *){magic}"), wanted)
    finally:
        watch.delete()


@check("watches the mailbox's magic being written")
def _():
    run(f"set *(unsigned *){magic} = 0")
    watched(gdb.WP_WRITE, MAGIC)


@check("watches it being read")
def _():
    run(f"set *(unsigned short *){FREE} = 0x6802")  # ldr r2, [r0]
    run(f"set *(unsigned short *){FREE + 2} = 0xe7fe")  # b .
    run(f"set $r0 = {magic}")
    run(f"set $pc = {FREE}")
    watched(gdb.WP_READ, MAGIC)
    want("r2", value("$r2"), MAGIC)


@check("a fault is seen in its handler, with the frame it left")
def _():
    run("set $r0 = 0x60000001")
    run(f"set $pc = {FREE}")
    run("thbreak fault_handler")
    run("continue")
    want_here("fault_handler")
    want("exception", value("$xPSR") & 0x1FF, 3)
    want("PC of the fault", value("*(unsigned *)($msp + 24)"), FREE)
    want("frame", gdb.selected_frame().older().type(), gdb.SIGTRAMP_FRAME)


@check("finishes a function, and steps by instructions")
def _():
    run("monitor reset halt")
    run("maintenance flush register-cache")
    start()
    run("tbreak memset")
    run("continue")
    want_here("memset")
    caller = gdb.selected_frame().older().pc()
    run("finish")
    want("PC", value("$pc"), caller)
    run("stepi 3")
    if value("$pc") == caller:
        raise AssertionError("PC has not moved")


gdb.execute("disconnect")
