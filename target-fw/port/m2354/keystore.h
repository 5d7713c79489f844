/* keystore: the KeyStore (M2354BSP keystore_reg.h, keystore.c), and its words on the engines.
 */
#pragma once

#include "target-fw/port/m2354/reg.h"

enum { KEYSTORE_WORDS = 8 }; /* of a 256-bit key; word 0 is the least significant */

enum err keystore_open(void);
enum err keystore_erase(uint8_t sram_slot);

/* Numbers are big-endian bytes here, and words from the least significant one in registers. */
uint32_t keystore_word(const uint8_t number[32], uint32_t index);
void keystore_number(uint32_t first_register, uint8_t number[32]);
