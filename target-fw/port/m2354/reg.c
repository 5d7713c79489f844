#include "target-fw/port/m2354/reg.h"

enum { POLLS_MAX = 1000000 }; /* the longest wait is a page erase: BSP allows 250 ms */

enum err reg_wait(uint32_t address, uint32_t mask, uint32_t want)
{
    for (uint32_t i = 0; i < POLLS_MAX; i++)
        if ((REG(address) & mask) == want)
            return ERR_OK;
    return ERR_FAULT;
}
