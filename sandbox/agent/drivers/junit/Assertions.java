package org.junit.jupiter.api;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.function.ThrowingSupplier;
import org.opentest4j.AssertionFailedError;

/** JUnit 5's assertions; a message is text or a supplier of it. */
public class Assertions extends Equals {
    protected Assertions() {}

    public static void assertTrue(boolean found) { equal(true, found, found, null); }
    public static void assertFalse(boolean found) { equal(false, found, !found, null); }
    public static void assertNull(Object found) { equal(null, found, found == null, null); }
    public static void assertNotNull(Object found) { if (found == null) { failed(null, "expected: not <null>"); } }
    public static void assertSame(Object wanted, Object found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotSame(Object wanted, Object found) { unequal(found, wanted == found, null); }
    public static <T extends Throwable> T assertThrows(Class<T> type, Executable code) { return thrown(type, code, false, null); }
    public static <T extends Throwable> T assertThrowsExactly(Class<T> type, Executable code) { return thrown(type, code, true, null); }
    public static void assertDoesNotThrow(Executable code) { quiet(() -> { code.execute(); return null; }, null); }
    public static <T> T assertDoesNotThrow(ThrowingSupplier<T> code) { return quiet(code, null); }
    public static <T> T assertInstanceOf(Class<T> type, Object found) { return type.isInstance(found) ? type.cast(found) : failed(null, "expected: a " + type.getName()); }
    public static void assertIterableEquals(Iterable<?> wanted, Iterable<?> found) { inOrder(wanted, found, null); }
    public static void assertLinesMatch(List<String> wanted, List<String> found) { lines(wanted, found, null); }
    public static void assertTimeout(Duration most, Executable code) { timed(most, () -> { code.execute(); return null; }, null); }
    public static <T> T assertTimeout(Duration most, ThrowingSupplier<T> code) { return timed(most, code, null); }
    public static void assertTimeoutPreemptively(Duration most, Executable code) { timed(most, () -> { code.execute(); return null; }, null); }
    public static <T> T assertTimeoutPreemptively(Duration most, ThrowingSupplier<T> code) { return timed(most, code, null); }
    public static void assertTrue(boolean found, String message) { equal(true, found, found, message); }
    public static void assertFalse(boolean found, String message) { equal(false, found, !found, message); }
    public static void assertNull(Object found, String message) { equal(null, found, found == null, message); }
    public static void assertNotNull(Object found, String message) { if (found == null) { failed(message, "expected: not <null>"); } }
    public static void assertSame(Object wanted, Object found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotSame(Object wanted, Object found, String message) { unequal(found, wanted == found, message); }
    public static <T extends Throwable> T assertThrows(Class<T> type, Executable code, String message) { return thrown(type, code, false, message); }
    public static <T extends Throwable> T assertThrowsExactly(Class<T> type, Executable code, String message) { return thrown(type, code, true, message); }
    public static void assertDoesNotThrow(Executable code, String message) { quiet(() -> { code.execute(); return null; }, message); }
    public static <T> T assertDoesNotThrow(ThrowingSupplier<T> code, String message) { return quiet(code, message); }
    public static <T> T assertInstanceOf(Class<T> type, Object found, String message) { return type.isInstance(found) ? type.cast(found) : failed(message, "expected: a " + type.getName()); }
    public static void assertIterableEquals(Iterable<?> wanted, Iterable<?> found, String message) { inOrder(wanted, found, message); }
    public static void assertLinesMatch(List<String> wanted, List<String> found, String message) { lines(wanted, found, message); }
    public static void assertTimeout(Duration most, Executable code, String message) { timed(most, () -> { code.execute(); return null; }, message); }
    public static <T> T assertTimeout(Duration most, ThrowingSupplier<T> code, String message) { return timed(most, code, message); }
    public static void assertTimeoutPreemptively(Duration most, Executable code, String message) { timed(most, () -> { code.execute(); return null; }, message); }
    public static <T> T assertTimeoutPreemptively(Duration most, ThrowingSupplier<T> code, String message) { return timed(most, code, message); }
    public static void assertTrue(boolean found, Supplier<String> message) { equal(true, found, found, message); }
    public static void assertFalse(boolean found, Supplier<String> message) { equal(false, found, !found, message); }
    public static void assertNull(Object found, Supplier<String> message) { equal(null, found, found == null, message); }
    public static void assertNotNull(Object found, Supplier<String> message) { if (found == null) { failed(message, "expected: not <null>"); } }
    public static void assertSame(Object wanted, Object found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotSame(Object wanted, Object found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static <T extends Throwable> T assertThrows(Class<T> type, Executable code, Supplier<String> message) { return thrown(type, code, false, message); }
    public static <T extends Throwable> T assertThrowsExactly(Class<T> type, Executable code, Supplier<String> message) { return thrown(type, code, true, message); }
    public static void assertDoesNotThrow(Executable code, Supplier<String> message) { quiet(() -> { code.execute(); return null; }, message); }
    public static <T> T assertDoesNotThrow(ThrowingSupplier<T> code, Supplier<String> message) { return quiet(code, message); }
    public static <T> T assertInstanceOf(Class<T> type, Object found, Supplier<String> message) { return type.isInstance(found) ? type.cast(found) : failed(message, "expected: a " + type.getName()); }
    public static void assertIterableEquals(Iterable<?> wanted, Iterable<?> found, Supplier<String> message) { inOrder(wanted, found, message); }
    public static void assertLinesMatch(List<String> wanted, List<String> found, Supplier<String> message) { lines(wanted, found, message); }
    public static void assertTimeout(Duration most, Executable code, Supplier<String> message) { timed(most, () -> { code.execute(); return null; }, message); }
    public static <T> T assertTimeout(Duration most, ThrowingSupplier<T> code, Supplier<String> message) { return timed(most, code, message); }
    public static void assertTimeoutPreemptively(Duration most, Executable code, Supplier<String> message) { timed(most, () -> { code.execute(); return null; }, message); }
    public static <T> T assertTimeoutPreemptively(Duration most, ThrowingSupplier<T> code, Supplier<String> message) { return timed(most, code, message); }

    public static void assertTrue(BooleanSupplier found) {
        assertTrue(found.getAsBoolean());
    }

    public static void assertFalse(BooleanSupplier found) {
        assertFalse(found.getAsBoolean());
    }

    public static void assertLinesMatch(Stream<String> wanted, Stream<String> found) {
        lines(wanted.toList(), found.toList(), null);
    }

    public static <V> V fail() {
        return failed(null, "failed");
    }

    public static <V> V fail(String message) {
        throw new AssertionFailedError(message);
    }

    public static <V> V fail(String message, Throwable cause) {
        throw new AssertionFailedError(message, cause);
    }

    public static <V> V fail(Throwable cause) {
        throw new AssertionFailedError(null, cause);
    }

    public static <V> V fail(Supplier<String> message) {
        throw new AssertionFailedError(message.get());
    }

    public static void assertAll(Executable... all) {
        assertAll(null, all);
    }

    public static void assertAll(String heading, Executable... all) {
        assertAll(heading, Arrays.asList(all));
    }

    public static void assertAll(Collection<Executable> all) {
        assertAll(null, all);
    }

    public static void assertAll(Stream<Executable> all) {
        assertAll(null, all.toList());
    }

    public static void assertAll(String heading, Collection<Executable> all) {
        for (Executable one : all) {
            quiet(() -> {
                one.execute();
                return null;
            }, heading);
        }
    }

    private static <T extends Throwable> T thrown(
            Class<T> type, Executable code, boolean isExact, Object message) {
        try {
            code.execute();
        } catch (Throwable error) {
            if (isExact ? error.getClass() == type : type.isInstance(error)) {
                return type.cast(error);
            }
            return failed(message, "expected: <" + type.getName() + "> but was: <" + error + ">");
        }
        return failed(message, "expected " + type.getName() + " to be thrown");
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void rethrow(Throwable error) throws T {
        throw (T) error;
    }

    private static <T> T quiet(ThrowingSupplier<T> code, Object message) {
        try {
            return code.get();
        } catch (AssertionError error) {
            throw error;
        } catch (Throwable error) {
            return failed(message, "unexpected " + error);
        }
    }

    private static <T> T timed(Duration most, ThrowingSupplier<T> code, Object message) {
        long start = System.nanoTime();
        T value = null;
        try {
            value = code.get();
        } catch (Throwable error) {
            Assertions.<RuntimeException>rethrow(error);
        }
        if (System.nanoTime() - start > most.toNanos()) {
            failed(message, "took longer than " + most.toMillis() + " ms");
        }
        return value;
    }

    private static void inOrder(Iterable<?> wanted, Iterable<?> found, Object message) {
        if (wanted == found) {
            return;
        }
        if (wanted == null || found == null) {
            equal(wanted, found, false, message);
        }
        Iterator<?> one = wanted.iterator();
        Iterator<?> other = found.iterator();
        while (one.hasNext() && other.hasNext()) {
            Object left = one.next();
            Object right = other.next();
            if (left instanceof Iterable<?> inner && right instanceof Iterable<?> outer) {
                inOrder(inner, outer, message);
            } else {
                equal(left, right, Objects.equals(left, right), message);
            }
        }
        equal(wanted, found, one.hasNext() == other.hasNext(), message);
    }

    private static void lines(List<String> wanted, List<String> found, Object message) {
        boolean areSame = wanted.size() == found.size();
        for (int i = 0; areSame && i < wanted.size(); i++) {
            areSame = wanted.get(i).equals(found.get(i)) || found.get(i).matches(wanted.get(i));
        }
        equal(wanted, found, areSame, message);
    }
}
