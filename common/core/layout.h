/* SPDX-License-Identifier: MIT */
/*
 * layout: where Hallmark keeps its own data on an M2354. For both CPUs and the server.
 *
 * Flash addresses are those of M2354BSP fmc.h (APROM from 0, 2 KiB erase pages). A certificate
 * area holds: u32le length of the certificate, u32le length of its issuer's certificate, then
 * both, DER. KeyStore OTP slots 0 and 1 are fixed by the mask ROM (ROTPK X and Y); Hallmark
 * uses the others.
 */
#pragma once

enum {
    FLASH_PAGE_SIZE = 0x800,
    FLASH_APROM_SIZE = 0x100000,
    FLASH_FIRMWARE_MAX = 0xF8000,           /* firmware and its FwInfo lie below */
    FLASH_WEB_SERVER_CERTIFICATE = 0xF8000, /* 2 pages */
    FLASH_DEVICE_CERTIFICATE = 0xF9000,     /* 2 pages */
    FLASH_RECORD = 0xFA000,         /* 1 page: which ROTPK DevAuth burnt (devauth/record.h) */
    FLASH_CONFIG_RECORD = 0xFA800,  /* 1 page: the CONFIG words that the lock writes */
    FLASH_AUTHKEY_RECORD = 0xFB000, /* 1 page: the public key that OTP_AUTHKEY is to hold */
    FLASH_CERTIFICATE_AREA_SIZE = 0x1000,

    SRAM_BASE = 0x20000000,
    SRAM_BANK0_SIZE = 0x8000,    /* all that is clocked after reset */
    SRAM_DEVAUTH_SIZE = 0x28000, /* banks 0 and 1: the loader clocks bank 1 before it writes */

    UID_SIZE = 12,
    RUN_ID_SIZE = 16,
    NONCE_SIZE = 32,
    SHA256_SIZE = 32,
    P256_POINT_SIZE = 65, /* SEC 1 uncompressed: 04 X Y */
    P256_SIGNATURE_SIZE = 64,
    ROTPK_SIZE = 64, /* X Y */
    FWINFO_SIZE = 192,
    CONFIRMATION_TAG_SIZE = 16,
    KCV_SIZE = 16,         /* key check value of AES_NuLink3 */
    CERTIFICATE_MAX = 768, /* bytes of one DER certificate on the board */
    CRI_MAX = 512,         /* bytes of a CertificationRequestInfo */
};

enum otp_slot {
    OTP_ROTPK_X = 0,
    OTP_ROTPK_Y = 1,
    OTP_AUTHKEY = 2,
    OTP_AES_FIRST = 3, /* AES_NuLink3: the lowest of these that the AES engine accepts */
    OTP_AES_LAST = 7,
};
