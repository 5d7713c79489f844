/* SPDX-License-Identifier: MIT */
/*
 * table: the 33 rows of the diagram, in order. Read by flow.c, by both programs and by the
 * tests, which compare it with proto/prepare-programmer.mmd. A row must not differ from the
 * diagram.
 */
#include "common/flow/flow.h"

// clang-format off
const struct flow_row flow_rows[FLOW_ARROWS] = {
    {  1, FLOW_O, FLOW_O, "Pki",          "GenerateCaKeys",               "CA and WebServer keys made in the HSM" },
    {  2, FLOW_O, FLOW_O, "Pki",          "IssueCaCertificates",          "RootCA, ICA and WebServer certificates issued" },
    {  3, FLOW_O, FLOW_N, "Station",      "PutWebServerCertificate",      "WebServer certificate sent" },
    {  4, FLOW_N, FLOW_P, "Board",        "ProgramWebServerCertificate",  "WebServer certificate in flash, read back" },
    {  5, FLOW_N, FLOW_P, "Board",        "LoadDevAuth",                  "DevAuth in SRAM, checked" },
    {  6, FLOW_P, FLOW_P, "Board",        "RunDevAuth",                   "DevAuth runs" },
    {  7, FLOW_P, FLOW_N, "Host",         "Hello",                        "board talks" },
    {  8, FLOW_P, FLOW_P, "Target",       "GenerateAuthKey",              "AUTHKEY_PRI in the KeyStore" },
    {  9, FLOW_P, FLOW_P, "Target",       "DeriveAuthPublicKey",          "AUTHKEY_PUB derived" },
    { 10, FLOW_N, FLOW_P, "Target",       "PutCertificationRequestInfo",  "CertificationRequestInfo sent" },
    { 11, FLOW_P, FLOW_P, "Target",       "SignCertificationRequestInfo", "CertificationRequestInfo signed" },
    { 12, FLOW_P, FLOW_N, "Host",         "PutSignature",                 "signature received" },
    { 13, FLOW_N, FLOW_N, "Station",      "GenerateCsr",                  "CSR made" },
    { 14, FLOW_N, FLOW_O, "Ca",           "RequestCertificate",           "CSR accepted, certificate issued" },
    { 15, FLOW_O, FLOW_N, "Station",      "PutDeviceCertificate",         "NuLink3 certificate sent" },
    { 16, FLOW_N, FLOW_P, "Target",       "ProgramDeviceCertificate",     "NuLink3 certificate in flash" },
    { 17, FLOW_N, FLOW_O, "SecureBoot",   "RequestKey",                   "SECURE_BOOT_PRI_NL3 made in the HSM" },
    { 18, FLOW_O, FLOW_O, "SecureBoot",   "DeriveRotpk",                  "ROTPK derived" },
    { 19, FLOW_O, FLOW_N, "Station",      "PutRotpk",                     "ROTPK sent, signed" },
    { 20, FLOW_N, FLOW_P, "Target",       "BurnRotpk",                    "ROTPK burnt to OTP 0 and 1" },
    { 21, FLOW_N, FLOW_O, "SecureBoot",   "PutFirmware",                  "firmware named by digest" },
    { 22, FLOW_O, FLOW_O, "SecureBoot",   "SignFirmware",                 "FwInfo signed" },
    { 23, FLOW_O, FLOW_N, "Station",      "PutSignedFirmware",            "signed firmware sent" },
    { 24, FLOW_N, FLOW_P, "Target",       "BurnFirmware",                 "signed firmware burnt and verified" },
    { 25, FLOW_P, FLOW_P, "Target",       "EnableSecureLock",             "secure lock armed" },
    { 26, FLOW_P, FLOW_P, "Target",       "GenerateAgreementKey",         "board's ECDH key made in the KeyStore" },
    { 27, FLOW_P, FLOW_P, "Target",       "DeriveAgreementPublicKey",     "board's ECDH public key derived" },
    { 28, FLOW_O, FLOW_O, "KeyAgreement", "GenerateKey",                  "server's ECDH key made in the HSM" },
    { 29, FLOW_O, FLOW_O, "KeyAgreement", "DerivePublicKey",              "server's ECDH public key derived" },
    { 30, FLOW_O, FLOW_P, "Target",       "PutServerPublicKey",           "server's public key sent, signed" },
    { 31, FLOW_P, FLOW_O, "KeyAgreement", "PutTargetPublicKey",           "board's public key sent, signed" },
    { 32, FLOW_P, FLOW_P, "Target",       "DeriveSharedKey",              "AES_NuLink3 in the KeyStore" },
    { 33, FLOW_O, FLOW_O, "KeyAgreement", "DeriveSharedKey",              "AES_NuLink3 in the HSM" },
};
// clang-format on
