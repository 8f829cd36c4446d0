/*
 * jwt_vectors.h -- keys and tokens made with another implementation (node:crypto), for test_jwt.c
 *
 * The private keys were thrown away. Every token: iss "idp", sub "alice", aud ["other","confab"],
 * iat 1000, exp 2000.
 */
#ifndef TESTS_UNIT_JWT_VECTORS_H
#define TESTS_UNIT_JWT_VECTORS_H

static const char JWK_RSA[] =
    "{\"kty\":\"RSA\",\"n\":\"53FHK5BCvGyb_l4XCssdAStyjfRk8aZtVxqKhhMKtH7GVrt3e47TT1JheTQ-zfPjOV"
    "5QblAOQRSFprh2aKQ8CGEoL2_OYUOhP3MHjoQhgSGcmJVxoUAQELb3NZk8j1hfM1Kq8c7G30e9HfIEQ_Q53r"
    "jV9OfFA5Y6_VGI6vL1DhCyfM2nDcucAKmaMWF2E9MIS4gtQpHBV3gjwR6sq7QcbuIdDTZ9pCwiKUNYecKaKk"
    "dDoWgDiJiXR5mYhFQvLhe5PLMmHQXoj86lxFwlZjwjvuexzOem-E6RzIr6S5Bh7XKJH_1l8nFKYxyLsL_Aww"
    "oY6HdmZdaMtY-2SGMcV9CSOQ\",\"e\":\"AQAB\",\"kid\":\"r1\",\"use\":\"sig\",\"alg\":\"RS256\"}";

static const char JWK_EC[] =
    "{\"kty\":\"EC\",\"x\":\"Y208lIZAWCR-zzjPkF8hTs2bWDsso8JUBExpnkSrmdM\",\"y\":\"H4aqZOMxnp-"
    "V5HjVw"
    "Di-PLRanWUL_i_dENjpRIg3JeI\",\"crv\":\"P-256\",\"kid\":\"e1\",\"use\":\"sig\"}";

static const char JWK_ED[] =
    "{\"crv\":\"Ed25519\",\"x\":\"7xyiaVdmWxXGnVBH2RYmYouyLmN7eawbuFsMWeNXh7g\",\"kty\":\"OKP\","
    "\"kid\""
    ":\"d1\",\"key_ops\":[\"verify\"]}";

static const char JWK_RSA_1024[] =
    "{\"kty\":\"RSA\",\"n\":\"2ioAI-XE0rwEEJ2M93p238qpQSWPu4fU8X5HBrrCFqkvlfN90_420CkzyIH4NEd-RN"
    "iZXXRBLB8VO3b5xboqBkMY5DjP6whUutrubP4dqJpTvOW0yBA4jChuVmniCLtFzGAQiSCvYghgYFGV96oLNL"
    "sMoppBL-TWCcZq3xw8MrE\",\"e\":\"AQAB\",\"kid\":\"short\"}";

static const char JWK_P384[] =
    "{\"kty\":\"EC\",\"x\":\"1Up417FHCmiopSJkp4Gz6sfKSNWofVGrhsl4IzFrk2Ws02fgimp8WNpxjl8AZi99\",\""
    "y\":\"cVLQcKybm6kJNJBrWFVzj7RaLbeierv8r5QECLMSDV2OGRMTTkQB3P_IljFV1NiC\",\"crv\":\"P-384\","
    "\"kid\":\"p384\"}";

static const char TOKEN_RS256[] =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGlj"
    "ZSIsImF1ZCI6WyJvdGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.Dx-L3odXhyslg5cU"
    "rI1ue69LbhnjOR_vBbY1vXE0dQrYA-R-iJ-m_LVBvt4qFhDDsrJ4TA5DsYGCJAvNHH393NFcxYx9TTPMrr4F"
    "gxaTXDB6_0U7fL-FgtA8QDT4PjiuzIJ8Zq8cHGVkZF7j1cDUfqqi55bdsTSrcUGA9yuwxwNdfyrFxlBHsC9d"
    "XCjAb4UXC5V3AelLPGS62splrKbduiaI7JJW3aQV6Eg_XxeLyC65EH5pGyJjTyQW2oASXSUX0I2o2ablm4nv"
    "pCZRbopYWzzkrqmbV4an6SBRqstpwznj_w4tqVaqFksOADf6pk-icurCk9-m2JUoHQ81II3ZEA";

static const char TOKEN_ES256[] =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImUxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJh"
    "bGljZSIsImF1ZCI6WyJvdGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.7U7U9GYe4ELa"
    "g3ldv3teClzoUdc3oHBlDGUrj723737v0YXf0KK0uksAKRs3OBJIc4B9O8L5BQZ0YN6pa_CHgQ";

static const char TOKEN_EDDSA[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImQxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.5ssFl7T8FSSlbLQAQLTNWbQrDhEc-nUe"
    "ToJBM1ef5a0BWe0vRW5ohO7ZNE4m1rmldmgOG9NhjD7eSFj3nau-Dw";

/* Signed by the EC key but naming another, and by a key that is not in the set under the name of
 * one that is. */
static const char TOKEN_EC_AS_RSA[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.Fz5kljgME_b0J0fSyDDtQhrrqVVTtlUM"
    "gbAjXOEPYp8AYIT_xrZ9W6jGxzoq0ksylN8NK1-sOCeTmlGJvxeMZA";

static const char TOKEN_ES256_FOREIGN[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.LCUckcWfq3pOSem_8C6-mRsrSzs2mJsj"
    "9hL0Bs2EiI7zv1ZLIU6J2871P6Owx_DrooagdsHlb010KU7U9rPNpg";

static const char TOKEN_PS256[] =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.5zxUAEhRSYp1MeLPzoW3N4_EUyO3yJ5W"
    "msV9IzaK1hTa7GIar_zHWGLvvjEQsNNuEZmCTkO8CX9wJvYKr4vEYnb5dUDJGSwe-0_Eevqd1IYR46yRCHR_"
    "vS7DEaMbiVW3XBL8yjvTpmrLW6ZRLFFk8r0QFGmvTEbbsC_9tud-91_L6L7RQXBVlvX-D6NPYh3dZ0xgItJY"
    "h23VIrLvB-fQuj056z3xQGrWoq5h_Foio8gJ8WmdYq_0xUTXiZZBLU3SYXer4DGaW2mBvgOo0YoFPqIQFj6M"
    "WJ3nWXsmJQSe1PaAfYBs_YWa30v6N1OTW-toIO_-0-XbqU66bK6qQmFMtw";

static const char TOKEN_RS256_PSS[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.PUXiLsgEug5mox9lHhMDIXL9S4fds6EB"
    "9t8Vkw-SaGkXcn0Alk5RAKQPi3CoRuxoB06afxzaT2UTxopLFKwBpeTK_o3o7m3U_sTfykf63tjL9idFOHJo"
    "OmDtnVRnx0PtnTTUtXJTtN2wHoR6uD8kEwlEp-7ji-N5E-kTbdc4l8UN6jU6MSWBKgkoCznxeuRGm6XvobLK"
    "qT9vbcl2l6L5UhHpZt4wJunH76yHIblKVDAbYBB3e_20A2aX08OrVEZEnecH8PRrx9OLmLsozeIs1xGcsmzb"
    "9YVq5PyUpTyudGo6AgfdrSihCiqi05ey5J6ZrX93sG-nBXgkKNlhCQU7wg";

/* HMAC with the public key as the secret: the classic confusion of algorithms. */
static const char TOKEN_CONFUSED[] =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InIxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.AU3cfqhenNIyHvV9PQPUUIFNaHWkpxUy"
    "H3YLspRpbIU";

/* The right key, but the signature in DER. */
static const char TOKEN_ES256_DER[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIn0.eyJpc3MiOiJpZHAiLCJzdWIiOiJhbGljZSIsImF1ZCI6WyJv"
    "dGhlciIsImNvbmZhYiJdLCJpYXQiOjEwMDAsImV4cCI6MjAwMH0.MEUCICA6fXMfhXeb6IQlbx747HTM528d"
    "wQWL3MIf7Y7cMYJ7AiEAmo7tkuV69mEdPlWODZ8CtP4xF-gWwZrptB6QQqxBKQU";

#endif
