import java.lang.annotation.Annotation;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.opentest4j.TestAbortedException;

/**
 * Runs the annotated methods of a test's classes; the first that fails throws what it failed with.
 *
 * <p>Guarantee: a method that is left out, or that an assumption of the test has broken off, is none
 * that passed; at least one has to. Where all were broken off before anything was asked of a program
 * elsewhere, the test is unusable.
 */
final class PlumbJUnit {
    private static final Set<String> OWN = new HashSet<>();
    private static int passed;
    private static int aborted;
    private static boolean isAbout; // what the program said may have broken one off
    /** How often a program elsewhere has been asked for something. */
    static LongSupplier asked;

    static void run(List<Class<?>> classes) throws Throwable {
        classes.forEach(type -> OWN.add(type.getName()));
        for (Class<?> type : classes) {
            boolean isInner = type.isMemberClass() && !Modifier.isStatic(type.getModifiers());
            if (!isInner && !Modifier.isAbstract(type.getModifiers())) {
                run(type, null);
            }
        }
        if (passed == 0 && aborted > 0 && asked != null && !isAbout) {
            throw new Unusable();
        }
        if (passed == 0) {
            throw new AssertionError("no test has passed: all were skipped");
        }
    }

    /** No assumption of the test holds here, whatever the program is. */
    static final class Unusable extends Exception {
        Unusable() {
            super("no test has passed: its assumptions do not hold here");
        }
    }

    private static void run(Class<?> type, Object outer) throws Throwable {
        List<Method> all = methods(type);
        List<Method> tests = all.stream().filter(PlumbJUnit::isTest)
                .filter(one -> OWN.contains(one.getDeclaringClass().getName())).toList();
        List<Class<?>> inner = new ArrayList<>();
        for (Class<?> one : type.getDeclaredClasses()) {
            if (one.isAnnotationPresent(org.junit.jupiter.api.Nested.class)) {
                inner.add(one);
            }
        }
        if ((tests.isEmpty() && inner.isEmpty()) || isLeftOut(type.getAnnotations())) {
            return;
        }
        boolean isKept = type.isAnnotationPresent(TestInstance.class)
                && type.getAnnotation(TestInstance.class).value() == TestInstance.Lifecycle.PER_CLASS;
        Object kept = isKept ? instance(type, outer) : null;
        try {
            each(all, kept, "BeforeAll", "BeforeClass");
        } catch (TestAbortedException error) {
            requireOwn(error);
            return;
        }
        for (Method test : tests) {
            boolean isIn = !isLeftOut(test.getAnnotations());
            for (Object[] arguments : isIn ? arguments(test, type, kept) : List.<Object[]>of()) {
                Object object = kept == null ? instance(type, outer) : kept;
                one(all, test, object, outer, arguments);
            }
        }
        for (Class<?> one : inner) {
            run(one, kept == null ? instance(type, outer) : kept);
        }
        each(all, kept, "AfterAll", "AfterClass");
    }

    private static void one(List<Method> all, Method test, Object object, Object outer, Object[] arguments)
            throws Throwable {
        try {
            if (outer != null) {
                each(methods(outer.getClass()), outer, "BeforeEach", "Before");
            }
            each(all, object, "BeforeEach", "Before", "setUp");
            try {
                call(test, object, arguments);
            } finally {
                each(all, object, "AfterEach", "After", "tearDown");
            }
            passed++;
        } catch (TestAbortedException error) {
            requireOwn(error);
        }
    }

    /** Pass on what is no assumption of the test's own code: the program may be in this process. */
    private static void requireOwn(TestAbortedException error) {
        for (StackTraceElement at : error.getStackTrace()) {
            String name = at.getClassName();
            if (!name.startsWith("org.junit.") && !name.startsWith("java.") && !name.startsWith("jdk.")) {
                if (!OWN.contains(name)) {
                    throw error;
                }
                aborted++;
                isAbout |= asked == null || asked.getAsLong() > 0;
                return;
            }
        }
        throw error;
    }

    private static void call(Method test, Object object, Object[] arguments) throws Throwable {
        org.junit.Test four = test.getAnnotation(org.junit.Test.class);
        long start = System.nanoTime();
        try {
            invoke(test, object, arguments);
        } catch (Throwable error) {
            boolean isAborted = error instanceof TestAbortedException;
            if (!isAborted && four != null && four.expected().isInstance(error)) {
                return;
            }
            throw error;
        }
        if (four != null && four.expected() != org.junit.Test.None.class) {
            throw new AssertionError("expected exception: " + four.expected().getName());
        }
        if (four != null && four.timeout() > 0 && System.nanoTime() - start > four.timeout() * 1_000_000) {
            throw new AssertionError("took longer than " + four.timeout() + " ms");
        }
    }

    private static Object invoke(Method method, Object object, Object... arguments) throws Throwable {
        try {
            return method.invoke(object, arguments);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    private static Object instance(Class<?> type, Object outer) throws Throwable {
        Class<?>[] types = outer == null ? new Class<?>[0] : new Class<?>[] {outer.getClass()};
        Constructor<?> made = type.getDeclaredConstructor(types);
        made.setAccessible(true);
        try {
            return outer == null ? made.newInstance() : made.newInstance(outer);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    private static void each(List<Method> all, Object object, String... names) throws Throwable {
        for (Method method : all) {
            boolean isWanted = has(method, names[0]) || has(method, names[1])
                    || (names.length > 2 && method.getName().equals(names[2])
                            && object instanceof junit.framework.TestCase);
            if (isWanted) {
                invoke(method, object);
            }
        }
    }

    private static boolean has(Method method, String name) {
        for (Annotation one : method.getAnnotations()) {
            if (one.annotationType().getSimpleName().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private static boolean isTest(Method method) {
        boolean isOld = junit.framework.TestCase.class.isAssignableFrom(method.getDeclaringClass())
                && method.getName().startsWith("test") && method.getParameterCount() == 0;
        return isOld || has(method, "Test") || has(method, "ParameterizedTest") || has(method, "RepeatedTest");
    }

    private static boolean isLeftOut(Annotation[] annotations) {
        for (Annotation one : annotations) {
            if (one instanceof Disabled || one instanceof org.junit.Ignore) {
                return true;
            }
        }
        return false;
    }

    /** The methods of a class and those above it, which come first, in the order of their names. */
    private static List<Method> methods(Class<?> type) {
        List<Method> found = new ArrayList<>();
        for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
            List<Method> own = new ArrayList<>(Arrays.asList(at.getDeclaredMethods()));
            own.removeIf(one -> one.isSynthetic()
                    || found.stream().anyMatch(other -> other.getName().equals(one.getName())
                            && Arrays.equals(other.getParameterTypes(), one.getParameterTypes())));
            own.sort(Comparator.<Method>comparingInt(PlumbJUnit::order).thenComparing(Method::getName));
            own.forEach(one -> one.setAccessible(true));
            found.addAll(0, own);
        }
        return found;
    }

    private static int order(Method method) {
        Order order = method.getAnnotation(Order.class);
        return order == null ? Integer.MAX_VALUE / 2 : order.value();
    }

    private static List<Object[]> arguments(Method test, Class<?> type, Object kept) throws Throwable {
        if (test.isAnnotationPresent(ParameterizedTest.class)) {
            return PlumbArguments.of(test, type, kept);
        }
        RepeatedTest repeated = test.getAnnotation(RepeatedTest.class);
        return Collections.nCopies(repeated == null ? 1 : repeated.value(), new Object[0]);
    }
}
