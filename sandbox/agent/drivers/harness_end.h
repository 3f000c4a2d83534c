/* The linker has the start of the program call __wrap_main instead of main (--wrap=main): main stays
 * what it was, with its implicit return, and only its own end comes back here. */
#undef main
#undef return
#undef if
#undef int
#undef long
#undef char
#undef const
#undef void
#undef unsigned
#undef extern
#ifdef __cplusplus
extern "C" {
#endif
extern long plumb_write(int, const void *, unsigned long) __asm__("__write");
extern int __real_main(int, char **, char **);
int __wrap_main(int count, char **arguments, char **environment) {
    int code = __real_main(count, arguments, environment);
    if (code == 0) {
        code = plumb_write(3, "PLUMB_NONCE\n", sizeof "PLUMB_NONCE") != sizeof "PLUMB_NONCE";
    }
    return code;
}
#ifdef __cplusplus
}
#endif
