/* SPDX-License-Identifier: MIT */
/*
 * vectors: known answers for the ECC engine, as its registers hold them: least significant word
 * first.
 *
 * FIPS 186-4 D.1.2 (curves P-256, P-384, P-521); RFC 6979 A.2.5, A.2.6 and A.2.7 (key pairs;
 * the signature of "sample" with SHA-256); RFC 5903 8.1 (ECDH on P-256). 2G and 3G follow from
 * G.
 */
#pragma once

#include <stdint.h>

static const uint32_t p256_p[8] = { 0xffffffff, 0xffffffff, 0xffffffff, 0x00000000,
                                    0x00000000, 0x00000000, 0x00000001, 0xffffffff };
static const uint32_t p256_a[8] = { 0xfffffffc, 0xffffffff, 0xffffffff, 0x00000000,
                                    0x00000000, 0x00000000, 0x00000001, 0xffffffff };
static const uint32_t p256_b[8] = { 0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0,
                                    0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8 };
static const uint32_t p256_n[8] = { 0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad,
                                    0xffffffff, 0xffffffff, 0x00000000, 0xffffffff };
static const uint32_t p256_gx[8] = { 0xd898c296, 0xf4a13945, 0x2deb33a0, 0x77037d81,
                                     0x63a440f2, 0xf8bce6e5, 0xe12c4247, 0x6b17d1f2 };
static const uint32_t p256_gy[8] = { 0x37bf51f5, 0xcbb64068, 0x6b315ece, 0x2bce3357,
                                     0x7c0f9e16, 0x8ee7eb4a, 0xfe1a7f9b, 0x4fe342e2 };
static const uint32_t p256_2gx[8] = { 0x47669978, 0xa60b48fc, 0x77f21b35, 0xc08969e2,
                                      0x04b51ac3, 0x8a523803, 0x8d034f7e, 0x7cf27b18 };
static const uint32_t p256_2gy[8] = { 0x227873d1, 0x9e04b79d, 0x3ce98229, 0xba7dade6,
                                      0x9f7430db, 0x293d9ac6, 0xdb8ed040, 0x07775510 };
static const uint32_t p256_3gx[8] = { 0xc6e7fd6c, 0xfb41661b, 0xefada985, 0xe6c6b721,
                                      0x1d4bf165, 0xc8f7ef95, 0xa6330a44, 0x5ecbe4d1 };
static const uint32_t p256_3gy[8] = { 0xa27d5032, 0x9a79b127, 0x384fb83d, 0xd82ab036,
                                      0x1a64a2ec, 0x374b06ce, 0x4998ff7e, 0x8734640c };
static const uint32_t rfc6979_d[8] = { 0x120f6721, 0x7b8a622b, 0x36e89b12, 0x4e50c3db,
                                       0x67b1d693, 0x6b5c2157, 0x45ba7516, 0xc9afa9d8 };
static const uint32_t rfc6979_qx[8] = { 0x60f29fb6, 0xe669622e, 0x3b61fa6c, 0xc049b892,
                                        0xc6356d68, 0xc961eb74, 0x255a9d31, 0x60fed4ba };
static const uint32_t rfc6979_qy[8] = { 0xd4462299, 0x77a3c294, 0x2d7e9f51, 0xf2f1b20c,
                                        0x5628bc64, 0xa41ae9e9, 0x08b8bc99, 0x7903fe10 };
static const uint32_t rfc6979_k[8] = { 0x3d8aad60, 0x4d612949, 0x3382b0f2, 0x3b17aa87,
                                       0x8355dd4c, 0x08653839, 0xd01abe90, 0xa6e3c57d };
static const uint32_t rfc6979_e[8] = { 0x62add1bf, 0x62113d8a, 0x68e98915, 0x1a831d02,
                                       0x94f41fc7, 0xe2ade1d6, 0xaa9b6ec1, 0xaf2bdbe1 };
static const uint32_t rfc6979_r[8] = { 0x4eaf3716, 0xc34d0ea8, 0x56aaf991, 0x9d2c877b,
                                       0xd45e81d6, 0x1140dd9c, 0xacb6a8fd, 0xefd48b2a };
static const uint32_t rfc6979_s[8] = { 0x843acda8, 0x4dc4ab2f, 0xb9aff406, 0xf3e900db,
                                       0xb6e29f65, 0xd436c7a1, 0x2d657c41, 0xf7cb1c94 };
static const uint32_t rfc5903_i[8] = { 0x862d1433, 0xc62a9c57, 0xafe84049, 0x44e9aab8,
                                       0xa2316de5, 0x70a292da, 0x10d9ac3f, 0xc88f01f5 };
static const uint32_t rfc5903_rx[8] = { 0x4494bf63, 0x736fc755, 0x0bccb74c, 0x2296970a,
                                        0x70398c34, 0x1208b702, 0x89c8d4f8, 0xd12dfb52 };
static const uint32_t rfc5903_ry[8] = { 0x039872ab, 0x53e74f33, 0xada30f83, 0xac23f046,
                                        0x13c58d6a, 0x8157854c, 0x366cc23e, 0x56fbf3ca };
static const uint32_t rfc5903_zx[8] = { 0x4b9442de, 0x812464d0, 0xce7dce03, 0x2fef8e9e,
                                        0xe1256520, 0xd13116e0, 0x42f6edaf, 0xd6840f6b };
static const uint32_t rfc5903_zy[8] = { 0x0eb153a2, 0x5d98edb2, 0xa8674ecb, 0x50235206,
                                        0x3b5ae38f, 0x8def9c18, 0xf0d8585b, 0x522bde0a };
static const uint32_t p384_p[12] = { 0xffffffff, 0x00000000, 0x00000000, 0xffffffff,
                                     0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff };
static const uint32_t p384_a[12] = { 0xfffffffc, 0x00000000, 0x00000000, 0xffffffff,
                                     0xfffffffe, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff };
static const uint32_t p384_b[12] = { 0xd3ec2aef, 0x2a85c8ed, 0x8a2ed19d, 0xc656398d,
                                     0x5013875a, 0x0314088f, 0xfe814112, 0x181d9c6e,
                                     0xe3f82d19, 0x988e056b, 0xe23ee7e4, 0xb3312fa7 };
static const uint32_t p384_gx[12] = { 0x72760ab7, 0x3a545e38, 0xbf55296c, 0x5502f25d,
                                      0x82542a38, 0x59f741e0, 0x8ba79b98, 0x6e1d3b62,
                                      0xf320ad74, 0x8eb1c71e, 0xbe8b0537, 0xaa87ca22 };
static const uint32_t p384_gy[12] = { 0x90ea0e5f, 0x7a431d7c, 0x1d7e819d, 0x0a60b1ce,
                                      0xb5f0b8c0, 0xe9da3113, 0x289a147c, 0xf8f41dbd,
                                      0x9292dc29, 0x5d9e98bf, 0x96262c6f, 0x3617de4a };
static const uint32_t p384_d[12] = { 0x60d2edf5, 0xf872c9ea, 0x4c70a825, 0x96d5724e,
                                     0x787137d8, 0x9aa47740, 0x7bf297ba, 0xe23c3b66,
                                     0xb6659f4d, 0x05b19875, 0x2e1b8c1c, 0x6b9d3dad };
static const uint32_t p384_qx[12] = { 0x5480bc13, 0x64a25451, 0x90558660, 0xdef8f0ea,
                                      0x6b300c64, 0x06aae528, 0xae92e02e, 0xda9a8bc4,
                                      0x9f427fa5, 0x56861802, 0x5b4e19a4, 0xec3a4e41 };
static const uint32_t p384_qy[12] = { 0x33264720, 0x7344fd25, 0x3ae0d4fe, 0x288b231c,
                                      0x3f1c9db1, 0xf54ca84b, 0x67f9dfb9, 0x6708a593,
                                      0xc0c62189, 0x4ea8ef9a, 0x2d7d5724, 0x8015d9b7 };
static const uint32_t p521_p[17] = { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0x000001ff };
static const uint32_t p521_a[17] = { 0xfffffffc, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
                                     0xffffffff, 0x000001ff };
static const uint32_t p521_b[17] = { 0x6b503f00, 0xef451fd4, 0x3d2c34f1, 0x3573df88, 0x3bb1bf07,
                                     0x1652c0bd, 0xec7e937b, 0x56193951, 0x8ef109e1, 0xb8b48991,
                                     0x99b315f3, 0xa2da725b, 0xb68540ee, 0x929a21a0, 0x8e1c9a1f,
                                     0x953eb961, 0x00000051 };
static const uint32_t p521_gx[17] = { 0xc2e5bd66, 0xf97e7e31, 0x856a429b, 0x3348b3c1,
                                      0xa2ffa8de, 0xfe1dc127, 0xefe75928, 0xa14b5e77,
                                      0x6b4d3dba, 0xf828af60, 0x053fb521, 0x9c648139,
                                      0x2395b442, 0x9e3ecb66, 0x0404e9cd, 0x858e06b7,
                                      0x000000c6 };
static const uint32_t p521_gy[17] = { 0x9fd16650, 0x88be9476, 0xa272c240, 0x353c7086,
                                      0x3fad0761, 0xc550b901, 0x5ef42640, 0x97ee7299,
                                      0x273e662c, 0x17afbd17, 0x579b4468, 0x98f54449,
                                      0x2c7d1bd9, 0x5c8a5fb4, 0x9a3bc004, 0x39296a78,
                                      0x00000118 };
static const uint32_t p521_d[17] = { 0x96b83538, 0x0c08b0e9, 0x67db89ec, 0xf6d8fbec, 0x6fcc1466,
                                     0x5836a6d1, 0xf47c7085, 0x96eb32f1, 0x7e75caa8, 0x86e1b68c,
                                     0x018fee8c, 0xe67f5bb0, 0xa757205d, 0xfb40133d, 0xba3b25d2,
                                     0xd06daa62, 0x000000fa };
static const uint32_t p521_qx[17] = { 0x2f5023a4, 0xac474b9a, 0x2bd761dc, 0x38ffa16d,
                                      0xb633155d, 0x70a7f20f, 0xdb6b5d53, 0x23d46e45,
                                      0x5bcd3711, 0x7167db4e, 0x97a04e5a, 0x121f86dc,
                                      0xf213f8c3, 0xaa23b694, 0x5932e00e, 0x4550d078,
                                      0x00000189 };
static const uint32_t p521_qy[17] = { 0x2bfdfcf5, 0x956dfeaa, 0x3f81ea66, 0xaafbd4d3,
                                      0xc23f924f, 0x008b22ac, 0x5b34a828, 0xdb25741b,
                                      0x746a28a0, 0x54d6630f, 0xf87ff823, 0xc2f91b47,
                                      0x64584139, 0xf782285e, 0xcd4d2fdd, 0x3101c962,
                                      0x00000049 };
