/*
 * banned.h -- calls that make every review ask a question become compile errors
 *
 * The build includes this in front of every source of ours. The standard headers come first, so that
 * their declarations are not touched; libraries' headers may still name what is banned, not call it.
 * Function-like macros leave members and variables of these names alone.
 */
#ifndef SHARED_BANNED_H
#define SHARED_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* No length of the target: buf_add, arena_str, mem_copy, snprintf. */
#undef strcpy
#define strcpy(...) banned_strcpy_use_buf_h
#undef stpcpy
#define stpcpy(...) banned_stpcpy_use_buf_h
#undef strcat
#define strcat(...) banned_strcat_use_buf_h
#undef sprintf
#define sprintf(...) banned_sprintf_use_buf_addf
#undef vsprintf
#define vsprintf(...) banned_vsprintf_use_buf_addf
#undef gets
#define gets(...) banned_gets

/* A length, but no promise of a NUL, or a length of something else than the target. */
#undef strncpy
#define strncpy(...) banned_strncpy_use_memcpy
#undef stpncpy
#define stpncpy(...) banned_stpncpy_use_memcpy
#undef strncat
#define strncat(...) banned_strncat_use_buf_h

/* No way to tell a bad number: str_u64. */
#undef atoi
#define atoi(...) banned_atoi_use_str_u64
#undef atol
#define atol(...) banned_atol_use_str_u64
#undef atoll
#define atoll(...) banned_atoll_use_str_u64
#undef atof
#define atof(...) banned_atof_use_json_h

/* Hidden static state, shared by all threads: str_cut, clock_add_rfc3339, random_u64. */
#undef strtok
#define strtok(...) banned_strtok_use_str_cut
#undef gmtime
#define gmtime(...) banned_gmtime_use_clock_h
#undef localtime
#define localtime(...) banned_localtime_use_clock_h
#undef ctime
#define ctime(...) banned_ctime_use_clock_h
#undef asctime
#define asctime(...) banned_asctime_use_clock_h
#undef rand
#define rand(...) banned_rand_use_random_u64
#undef srand
#define srand(...) banned_srand_use_random_u64

/* No bound on the stack, a shell, a race. */
#undef alloca
#define alloca(...) banned_alloca_use_arena_h
#undef strdupa
#define strdupa(...) banned_strdupa_use_arena_h
#undef system
#define system(...) banned_system
#undef popen
#define popen(...) banned_popen
#undef mktemp
#define mktemp(...) banned_mktemp_use_mkstemp
#undef tmpnam
#define tmpnam(...) banned_tmpnam_use_mkstemp

#endif
