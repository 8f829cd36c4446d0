/*
 * addr_public.h -- whether an address is somebody on the public Internet
 *
 * For requests whose address somebody else has chosen: everything that may be this machine, its neighbours or its provider's
 * inside is not. What is not known to be public is not: a list of what is, less what the registries of special addresses
 * (RFC 6890) take out again.
 * Layer      Pure.
 */
#ifndef REST_ADDR_PUBLIC_H
#define REST_ADDR_PUBLIC_H

#include "rest/addr.h"

bool addr_is_public(const struct addr *a);

#endif
