/* Around a program and the test behind it, in a file of its own, so that the program cannot name
 * what is here. The nonce is read and its descriptor closed before any code of the program runs, and
 * written once main has returned 0. The linker has the start of the program call __wrap_main instead
 * of main (--wrap=main): main stays what it was, with its implicit return. System calls are made
 * here, not through functions that the program may define. C, and C++. */
#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, GETPID = 39, EXIT_GROUP = 231 };
#else
enum { READ = 63, WRITE = 64, CLOSE = 57, GETPID = 172, EXIT_GROUP = 94 };
#endif

static char nonce[64];
static long length, owner;

static long ask(long number, long first, const void *second, unsigned long third) {
#if defined(__x86_64__)
    long answer;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return answer;
#else
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = first;
    register const void *x1 __asm__("x1") = second;
    register unsigned long x2 __asm__("x2") = third;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#endif
}

static void start(void) {
    length = ask(READ, 4, nonce, sizeof nonce);
    ask(CLOSE, 4, 0, 0);
    owner = ask(GETPID, 0, 0, 0);
}
/* Runs before constructors; the linker puts this file's first. */
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = start;

#ifdef __cplusplus
extern "C" {
#endif
void plumb_failed(const char *, int) __attribute__((__noreturn__));
int __real_main(int, char **, char **);

/* Ends the process as abort does, without a signal that could be caught. */
void plumb_failed(const char *what, int line) {
    char text[256] = "assertion failed on line ", digits[12];
    unsigned long at = 25, count = 0;
    for (; line > 0; line /= 10) digits[count++] = (char)('0' + line % 10);
    while (count > 0) text[at++] = digits[--count];
    for (text[at++] = ':', text[at++] = ' '; *what && at < sizeof text - 1;) text[at++] = *what++;
    text[at++] = '\n';
    ask(WRITE, 2, text, at);
    for (;;) ask(EXIT_GROUP, 134, 0, 0);
}

int __wrap_main(int count, char **arguments, char **environment) {
    int code = __real_main(count, arguments, environment);
    /* A fork of the process has tried out an answer. */
    if (ask(GETPID, 0, 0, 0) != owner) ask(EXIT_GROUP, 134, 0, 0);
    if (code == 0) code = ask(WRITE, 3, nonce, (unsigned long)length) != length;
    return code;
}
#ifdef __cplusplus
}
#endif
