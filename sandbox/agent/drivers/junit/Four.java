package org.junit;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.Arrays;
import java.util.Objects;
import org.junit.function.ThrowingRunnable;
import org.opentest4j.TestAbortedException;

@Retention(RetentionPolicy.RUNTIME)
public @interface Test {
    Class<? extends Throwable> expected() default None.class;

    long timeout() default 0;

    class None extends Throwable {}
}

@Retention(RetentionPolicy.RUNTIME)
public @interface Before {}

@Retention(RetentionPolicy.RUNTIME)
public @interface After {}

@Retention(RetentionPolicy.RUNTIME)
public @interface BeforeClass {}

@Retention(RetentionPolicy.RUNTIME)
public @interface AfterClass {}

@Retention(RetentionPolicy.RUNTIME)
public @interface Ignore {
    String value() default "";
}

@Retention(RetentionPolicy.RUNTIME)
public @interface FixMethodOrder {
    Class<?> value() default Void.class;
}

public class Assume {
    public static void assumeTrue(boolean holds) {
        assumeTrue("", holds);
    }

    public static void assumeTrue(String message, boolean holds) {
        if (!holds) {
            throw new TestAbortedException(message);
        }
    }

    public static void assumeFalse(boolean holds) {
        assumeTrue("", !holds);
    }

    public static void assumeNotNull(Object... all) {
        assumeTrue("", all != null && !Arrays.asList(all).contains(null));
    }
}

/** JUnit 4's assertions: a message comes first. */
public class Assert {
    protected Assert() {}

    private static void check(boolean holds, String message, String reason) {
        if (!holds) {
            throw new AssertionError(message == null ? reason : message + " " + reason);
        }
    }

    private static void equal(String message, Object wanted, Object found, boolean areEqual) {
        check(areEqual, message, "expected:<" + wanted + "> but was:<" + found + ">");
    }

    public static void assertTrue(boolean found) {
        assertTrue(null, found);
    }

    public static void assertTrue(String message, boolean found) {
        check(found, message, "expected:<true>");
    }

    public static void assertFalse(boolean found) {
        assertFalse(null, found);
    }

    public static void assertFalse(String message, boolean found) {
        check(!found, message, "expected:<false>");
    }

    public static void assertEquals(Object wanted, Object found) {
        assertEquals(null, wanted, found);
    }

    public static void assertEquals(String message, Object wanted, Object found) {
        equal(message, wanted, found, Objects.equals(wanted, found));
    }

    public static void assertEquals(long wanted, long found) {
        assertEquals(null, wanted, found);
    }

    public static void assertEquals(String message, long wanted, long found) {
        equal(message, wanted, found, wanted == found);
    }

    public static void assertEquals(double wanted, double found, double delta) {
        assertEquals(null, wanted, found, delta);
    }

    public static void assertEquals(String message, double wanted, double found, double delta) {
        boolean isNear = Double.compare(wanted, found) == 0 || Math.abs(wanted - found) <= delta;
        equal(message, wanted, found, isNear);
    }

    public static void assertNotEquals(Object wanted, Object found) {
        assertNotEquals(null, wanted, found);
    }

    public static void assertNotEquals(String message, Object wanted, Object found) {
        check(!Objects.equals(wanted, found), message, "expected another than:<" + found + ">");
    }

    public static void assertNotEquals(long wanted, long found) {
        assertNotEquals((Object) wanted, found);
    }

    public static void assertNotEquals(double wanted, double found, double delta) {
        check(Math.abs(wanted - found) > delta, null, "expected another than:<" + found + ">");
    }

    public static void assertNull(Object found) {
        assertNull(null, found);
    }

    public static void assertNull(String message, Object found) {
        equal(message, null, found, found == null);
    }

    public static void assertNotNull(Object found) {
        assertNotNull(null, found);
    }

    public static void assertNotNull(String message, Object found) {
        check(found != null, message, "expected something");
    }

    public static void assertSame(Object wanted, Object found) {
        assertSame(null, wanted, found);
    }

    public static void assertSame(String message, Object wanted, Object found) {
        equal(message, wanted, found, wanted == found);
    }

    public static void assertNotSame(Object wanted, Object found) {
        check(wanted != found, null, "expected another object");
    }

    public static void assertArrayEquals(Object[] wanted, Object[] found) {
        assertArrayEquals(null, wanted, found);
    }

    public static void assertArrayEquals(String message, Object[] wanted, Object[] found) {
        boolean areEqual = Arrays.deepEquals(wanted, found);
        equal(message, Arrays.deepToString(wanted), Arrays.deepToString(found), areEqual);
    }

    public static void assertArrayEquals(int[] wanted, int[] found) {
        assertArrayEquals(null, wanted, found);
    }

    public static void assertArrayEquals(String message, int[] wanted, int[] found) {
        equal(message, Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found));
    }

    public static void assertArrayEquals(long[] wanted, long[] found) {
        equal(null, Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found));
    }

    public static void assertArrayEquals(char[] wanted, char[] found) {
        equal(null, Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found));
    }

    public static void assertArrayEquals(byte[] wanted, byte[] found) {
        equal(null, Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found));
    }

    public static void assertArrayEquals(boolean[] wanted, boolean[] found) {
        equal(null, Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found));
    }

    public static void assertArrayEquals(double[] wanted, double[] found, double delta) {
        assertEquals("length", wanted.length, found.length);
        for (int i = 0; i < wanted.length; i++) {
            assertEquals("element " + i, wanted[i], found[i], delta);
        }
    }

    public static <T extends Throwable> T assertThrows(Class<T> type, ThrowingRunnable code) {
        return assertThrows(null, type, code);
    }

    public static <T extends Throwable> T assertThrows(
            String message, Class<T> type, ThrowingRunnable code) {
        try {
            code.run();
        } catch (Throwable error) {
            check(type.isInstance(error), message, "expected " + type.getName() + ", not " + error);
            return type.cast(error);
        }
        check(false, message, "expected " + type.getName() + " to be thrown");
        return null;
    }

    public static void fail() {
        throw new AssertionError();
    }

    public static void fail(String message) {
        throw new AssertionError(message);
    }
}
