/* The assert of a program with a test behind it, in place of the C library's, on which it does not
 * rest: a program may define __assert_fail, abort and signal handlers of its own. The macro has no
 * guard and heeds no NDEBUG: whoever includes this last has what is here. The function is declared
 * once, before the program, which may end within a function of its own. */
#undef assert
#ifndef PLUMB_ASSERT
#define PLUMB_ASSERT
#ifdef __cplusplus
extern "C"
#endif
void plumb_failed(const char *, int) __asm__("plumb_failed") __attribute__((__noreturn__));
#endif
#define assert(...) ((__VA_ARGS__) ? (void)0 : plumb_failed(#__VA_ARGS__, __LINE__))
#ifndef __cplusplus
#undef static_assert
#define static_assert _Static_assert
#endif
