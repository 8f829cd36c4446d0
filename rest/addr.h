/*
 * addr.h -- network addresses as values: parse, print, compare, network membership
 *
 * Layer      transport, below everything else of the door. Pure.
 * Shape      An IPv4 address is kept as IPv4, also when it came mapped into IPv6, so that one client
 *            has one address whatever the listener is.
 */
#ifndef REST_ADDR_H
#define REST_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/rc.h"
#include "shared/str.h"

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
    uint8_t family; /* enum addr_family; ADDR_NONE: not known (a Unix socket, PROXY UNKNOWN) */
    uint8_t b[16];  /* network order; 4 bytes used for IPv4 */
    uint16_t port;  /* 0 where it does not matter */
};

#define ADDR_TEXT_BYTES 64

struct addr addr_of_v6(const unsigned char b[16], uint16_t port);
struct addr addr_of_sockaddr(const struct sockaddr_storage *ss);
/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; with_port: also "192.0.2.1:80" and "[::1]:80". */
RC_CHECK enum rc addr_parse(struct str text, bool with_port, struct addr *out);
/* The address without the port, NUL-terminated; "-" for ADDR_NONE. */
void addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES]);
/* Port not compared. */
bool addr_eq(const struct addr *a, const struct addr *b);

struct addr_net {
    struct addr base;
    unsigned bits;
};
/* "10.0.0.0/8" or a single address. */
RC_CHECK enum rc addr_net_parse(struct str text, struct addr_net *out);
bool addr_in(const struct addr *a, const struct addr_net *net);

#endif
