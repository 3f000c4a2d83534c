"""Words of a Java test that decide where it can run."""

import re
from typing import Final

# Such a test looks into the program's classes, of which it would have stubs alone.
REFLECTING: Final = frozenset(
    re.findall(
        r"\w+",
        "forName getDeclaredMethod getDeclaredMethods getDeclaredField getDeclaredFields getMethod"
        " getMethods getField getFields getConstructor getConstructors getDeclaredConstructor"
        " getDeclaredConstructors getDeclaredClasses getRecordComponents getSuperclass"
        " getInterfaces getModifiers getAnnotation isRecord isSealed isInterface"
        " newInstance setAccessible MethodHandles ClassLoader Unsafe ObjectOutputStream"
        " ObjectInputStream",
    )
)
# One call is under way at a time: a program that waits for another call would wait for ever.
THREADED: Final = frozenset(
    re.findall(
        r"\w+",
        "Executor ExecutorService Executors ThreadPoolExecutor CompletableFuture ForkJoinPool"
        " CountDownLatch CyclicBarrier Semaphore Phaser Timer parallelStream parallel Thread",
    )
)
CALM: Final = frozenset(("sleep", "currentThread", "onSpinWait", "yield"))  # of a thread
# Interfaces and classes of the platform that a test may extend or make anonymous ones of.
PLATFORM: Final = frozenset(
    re.findall(
        r"\w+",
        "Object String Integer Long Double Float Boolean Character Byte Short Number Math"
        " StringBuilder Comparable Iterable CharSequence Cloneable Runnable Record Enum Void System"
        " List ArrayList LinkedList Map HashMap LinkedHashMap TreeMap Set HashSet LinkedHashSet"
        " TreeSet Deque ArrayDeque Queue PriorityQueue Stack Vector Iterator ListIterator"
        " Collection Collections Arrays Objects Optional OptionalInt Comparator Random BitSet"
        " AbstractList AbstractMap AbstractSet AbstractCollection Callable Function BiFunction"
        " UnaryOperator BinaryOperator Predicate BiPredicate Supplier Consumer BiConsumer"
        " IntFunction IntPredicate IntUnaryOperator IntBinaryOperator ToIntFunction ToLongFunction"
        " ToDoubleFunction IntSupplier BooleanSupplier Override Test TestCase Executable"
        " ThrowingRunnable Closeable AutoCloseable InputStream OutputStream Reader Writer"
        " PrintStream BigInteger BigDecimal",
    )
)
