/* Stands between a program and the test that follows it in the same file, or in the same function.
 * The program's macros must not bend the words with which the test decides. */
#undef main
#undef return
#undef if
#undef else
#undef while
#undef for
#undef do
#undef switch
#undef case
#undef break
#undef continue
#undef goto
#undef try
#undef catch
#undef throw
#undef true
#undef false
#undef abort
#undef exit
#undef NDEBUG
#include "assert.h"
#ifndef __cplusplus
#include <stdbool.h>
#endif
