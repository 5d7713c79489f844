/* sys: the write-protection lock of the system registers, and clocks. */
#pragma once

#include "target-fw/port/m2354/reg.h"

enum err sys_open(void); /* protected registers may be written until sys_close() */
void sys_close(void);
enum err sys_hirc(void); /* HCLK from the internal 12 MHz oscillator; registers open */
