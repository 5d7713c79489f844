/* SPDX-License-Identifier: MIT */
/* reg: registers of the M2354 beside those of port/nuvoton (M2354BSP,
 * {sys,rtc,scu,uart}_reg.h). */
#pragma once

#include "target-fw/port/nuvoton/reg.h"

#define SYS_GPA_MFPL 0x40000030u
#define SYS_SRAMPC1  0x400000e0u /* KS SRAM power [29:28], PCBUSY 31 */
#define SYS_PSWCTL   0x400001f4u /* CRPTPWREN 12 */
#define SYS_PLCTL    0x400001f8u /* PLSEL [1:0], WRBUSY 7 */
#define SYS_PLSTS    0x400001fcu /* PLCBUSY 0 */

#define SCU_DPM_CTL   0x4002f600u
#define SCU_DPM_STS   0x4002f604u
#define SCU_DPM_NSCTL 0x4002f650u
#define SCU_DPM_NSSTS 0x4002f654u
#define SCU_PLM_CTL   0x4002f700u
#define SCU_PLM_STS   0x4002f704u

#define RTC_LXTCTL 0x40041100u /* LIRC32KEN 0, C32KSEL 6 */

#define UART0_DAT     0x40070000u
#define UART0_FIFO    0x40070008u
#define UART0_LINE    0x4007000cu
#define UART0_FIFOSTS 0x40070018u /* TXFULL 23, TXEMPTYF 28 */
#define UART0_BAUD    0x40070024u
#define UART0_FUNCSEL 0x40070030u
