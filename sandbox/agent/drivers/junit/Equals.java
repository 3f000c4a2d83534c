package org.junit.jupiter.api;

import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;
import org.opentest4j.AssertionFailedError;

/** The part of JUnit 5's assertions that compares values: one for each pair of types. */
public class Equals {
    protected Equals() {}

    static String said(Object message) {
        Object text = message instanceof Supplier<?> supplier ? supplier.get() : message;
        return text == null ? "" : text + " ==> ";
    }

    static <T> T failed(Object message, String reason) {
        throw new AssertionFailedError(said(message) + reason);
    }

    static void equal(Object wanted, Object found, boolean areEqual, Object message) {
        if (!areEqual) {
            failed(message, "expected: <" + wanted + "> but was: <" + found + ">");
        }
    }

    static void unequal(Object value, boolean areEqual, Object message) {
        if (areEqual) {
            failed(message, "expected: not equal but was: <" + value + ">");
        }
    }

    static void near(double wanted, double found, double delta, Object message) {
        boolean isNear = Double.compare(wanted, found) == 0 || Math.abs(wanted - found) <= delta;
        equal(wanted, found, isNear, message);
    }

    public static void assertEquals(Object wanted, Object found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Object wanted, Object found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Object wanted, Object found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Object wanted, Object found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Object wanted, Object found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Object wanted, Object found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(byte wanted, byte found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotEquals(byte wanted, byte found) { unequal(found, wanted == found, null); }
    public static void assertEquals(byte wanted, byte found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(byte wanted, byte found, String message) { unequal(found, wanted == found, message); }
    public static void assertEquals(byte wanted, byte found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(byte wanted, byte found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static void assertEquals(byte wanted, Byte found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(byte wanted, Byte found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(byte wanted, Byte found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(byte wanted, Byte found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(byte wanted, Byte found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(byte wanted, Byte found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Byte wanted, byte found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Byte wanted, byte found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Byte wanted, byte found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Byte wanted, byte found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Byte wanted, byte found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Byte wanted, byte found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Byte wanted, Byte found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Byte wanted, Byte found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Byte wanted, Byte found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Byte wanted, Byte found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Byte wanted, Byte found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Byte wanted, Byte found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(short wanted, short found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotEquals(short wanted, short found) { unequal(found, wanted == found, null); }
    public static void assertEquals(short wanted, short found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(short wanted, short found, String message) { unequal(found, wanted == found, message); }
    public static void assertEquals(short wanted, short found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(short wanted, short found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static void assertEquals(short wanted, Short found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(short wanted, Short found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(short wanted, Short found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(short wanted, Short found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(short wanted, Short found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(short wanted, Short found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Short wanted, short found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Short wanted, short found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Short wanted, short found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Short wanted, short found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Short wanted, short found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Short wanted, short found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Short wanted, Short found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Short wanted, Short found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Short wanted, Short found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Short wanted, Short found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Short wanted, Short found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Short wanted, Short found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(int wanted, int found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotEquals(int wanted, int found) { unequal(found, wanted == found, null); }
    public static void assertEquals(int wanted, int found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(int wanted, int found, String message) { unequal(found, wanted == found, message); }
    public static void assertEquals(int wanted, int found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(int wanted, int found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static void assertEquals(int wanted, Integer found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(int wanted, Integer found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(int wanted, Integer found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(int wanted, Integer found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(int wanted, Integer found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(int wanted, Integer found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Integer wanted, int found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Integer wanted, int found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Integer wanted, int found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Integer wanted, int found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Integer wanted, int found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Integer wanted, int found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Integer wanted, Integer found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Integer wanted, Integer found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Integer wanted, Integer found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Integer wanted, Integer found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Integer wanted, Integer found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Integer wanted, Integer found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(long wanted, long found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotEquals(long wanted, long found) { unequal(found, wanted == found, null); }
    public static void assertEquals(long wanted, long found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(long wanted, long found, String message) { unequal(found, wanted == found, message); }
    public static void assertEquals(long wanted, long found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(long wanted, long found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static void assertEquals(long wanted, Long found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(long wanted, Long found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(long wanted, Long found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(long wanted, Long found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(long wanted, Long found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(long wanted, Long found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Long wanted, long found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Long wanted, long found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Long wanted, long found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Long wanted, long found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Long wanted, long found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Long wanted, long found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Long wanted, Long found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Long wanted, Long found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Long wanted, Long found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Long wanted, Long found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Long wanted, Long found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Long wanted, Long found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(float wanted, float found) { equal(wanted, found, Float.compare(wanted, found) == 0, null); }
    public static void assertNotEquals(float wanted, float found) { unequal(found, Float.compare(wanted, found) == 0, null); }
    public static void assertEquals(float wanted, float found, String message) { equal(wanted, found, Float.compare(wanted, found) == 0, message); }
    public static void assertNotEquals(float wanted, float found, String message) { unequal(found, Float.compare(wanted, found) == 0, message); }
    public static void assertEquals(float wanted, float found, Supplier<String> message) { equal(wanted, found, Float.compare(wanted, found) == 0, message); }
    public static void assertNotEquals(float wanted, float found, Supplier<String> message) { unequal(found, Float.compare(wanted, found) == 0, message); }
    public static void assertEquals(float wanted, Float found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(float wanted, Float found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(float wanted, Float found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(float wanted, Float found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(float wanted, Float found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(float wanted, Float found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Float wanted, float found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Float wanted, float found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Float wanted, float found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Float wanted, float found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Float wanted, float found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Float wanted, float found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Float wanted, Float found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Float wanted, Float found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Float wanted, Float found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Float wanted, Float found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Float wanted, Float found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Float wanted, Float found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(double wanted, double found) { equal(wanted, found, Double.compare(wanted, found) == 0, null); }
    public static void assertNotEquals(double wanted, double found) { unequal(found, Double.compare(wanted, found) == 0, null); }
    public static void assertEquals(double wanted, double found, String message) { equal(wanted, found, Double.compare(wanted, found) == 0, message); }
    public static void assertNotEquals(double wanted, double found, String message) { unequal(found, Double.compare(wanted, found) == 0, message); }
    public static void assertEquals(double wanted, double found, Supplier<String> message) { equal(wanted, found, Double.compare(wanted, found) == 0, message); }
    public static void assertNotEquals(double wanted, double found, Supplier<String> message) { unequal(found, Double.compare(wanted, found) == 0, message); }
    public static void assertEquals(double wanted, Double found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(double wanted, Double found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(double wanted, Double found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(double wanted, Double found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(double wanted, Double found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(double wanted, Double found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Double wanted, double found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Double wanted, double found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Double wanted, double found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Double wanted, double found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Double wanted, double found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Double wanted, double found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Double wanted, Double found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Double wanted, Double found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Double wanted, Double found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Double wanted, Double found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Double wanted, Double found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Double wanted, Double found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(char wanted, char found) { equal(wanted, found, wanted == found, null); }
    public static void assertNotEquals(char wanted, char found) { unequal(found, wanted == found, null); }
    public static void assertEquals(char wanted, char found, String message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(char wanted, char found, String message) { unequal(found, wanted == found, message); }
    public static void assertEquals(char wanted, char found, Supplier<String> message) { equal(wanted, found, wanted == found, message); }
    public static void assertNotEquals(char wanted, char found, Supplier<String> message) { unequal(found, wanted == found, message); }
    public static void assertEquals(char wanted, Character found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(char wanted, Character found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(char wanted, Character found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(char wanted, Character found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(char wanted, Character found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(char wanted, Character found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Character wanted, char found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Character wanted, char found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Character wanted, char found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Character wanted, char found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Character wanted, char found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Character wanted, char found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Character wanted, Character found) { equal(wanted, found, Objects.equals(wanted, found), null); }
    public static void assertNotEquals(Character wanted, Character found) { unequal(found, Objects.equals(wanted, found), null); }
    public static void assertEquals(Character wanted, Character found, String message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Character wanted, Character found, String message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(Character wanted, Character found, Supplier<String> message) { equal(wanted, found, Objects.equals(wanted, found), message); }
    public static void assertNotEquals(Character wanted, Character found, Supplier<String> message) { unequal(found, Objects.equals(wanted, found), message); }
    public static void assertEquals(double wanted, double found, double delta) { near(wanted, found, delta, null); }
    public static void assertNotEquals(double wanted, double found, double delta) { unequal(found, Math.abs(wanted - found) <= delta, null); }
    public static void assertEquals(double wanted, double found, double delta, String message) { near(wanted, found, delta, message); }
    public static void assertNotEquals(double wanted, double found, double delta, String message) { unequal(found, Math.abs(wanted - found) <= delta, message); }
    public static void assertEquals(double wanted, double found, double delta, Supplier<String> message) { near(wanted, found, delta, message); }
    public static void assertNotEquals(double wanted, double found, double delta, Supplier<String> message) { unequal(found, Math.abs(wanted - found) <= delta, message); }
    public static void assertEquals(float wanted, float found, float delta) { near(wanted, found, delta, null); }
    public static void assertNotEquals(float wanted, float found, float delta) { unequal(found, Math.abs(wanted - found) <= delta, null); }
    public static void assertEquals(float wanted, float found, float delta, String message) { near(wanted, found, delta, message); }
    public static void assertNotEquals(float wanted, float found, float delta, String message) { unequal(found, Math.abs(wanted - found) <= delta, message); }
    public static void assertEquals(float wanted, float found, float delta, Supplier<String> message) { near(wanted, found, delta, message); }
    public static void assertNotEquals(float wanted, float found, float delta, Supplier<String> message) { unequal(found, Math.abs(wanted - found) <= delta, message); }
    public static void assertArrayEquals(byte[] wanted, byte[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(byte[] wanted, byte[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(byte[] wanted, byte[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(short[] wanted, short[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(short[] wanted, short[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(short[] wanted, short[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(int[] wanted, int[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(int[] wanted, int[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(int[] wanted, int[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(long[] wanted, long[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(long[] wanted, long[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(long[] wanted, long[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(float[] wanted, float[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(float[] wanted, float[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(float[] wanted, float[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(double[] wanted, double[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(double[] wanted, double[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(double[] wanted, double[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(char[] wanted, char[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(char[] wanted, char[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(char[] wanted, char[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(boolean[] wanted, boolean[] found) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), null); }
    public static void assertArrayEquals(boolean[] wanted, boolean[] found, String message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(boolean[] wanted, boolean[] found, Supplier<String> message) { equal(Arrays.toString(wanted), Arrays.toString(found), Arrays.equals(wanted, found), message); }
    public static void assertArrayEquals(Object[] wanted, Object[] found) { equal(Arrays.deepToString(wanted), Arrays.deepToString(found), Arrays.deepEquals(wanted, found), null); }
    public static void assertArrayEquals(Object[] wanted, Object[] found, String message) { equal(Arrays.deepToString(wanted), Arrays.deepToString(found), Arrays.deepEquals(wanted, found), message); }
    public static void assertArrayEquals(Object[] wanted, Object[] found, Supplier<String> message) { equal(Arrays.deepToString(wanted), Arrays.deepToString(found), Arrays.deepEquals(wanted, found), message); }
    public static void assertArrayEquals(double[] wanted, double[] found, double delta) { assertEquals(wanted.length, found.length, (String) null); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, null); } }
    public static void assertArrayEquals(double[] wanted, double[] found, double delta, String message) { assertEquals(wanted.length, found.length, message); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, message); } }
    public static void assertArrayEquals(double[] wanted, double[] found, double delta, Supplier<String> message) { assertEquals(wanted.length, found.length, message); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, message); } }
    public static void assertArrayEquals(float[] wanted, float[] found, float delta) { assertEquals(wanted.length, found.length, (String) null); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, null); } }
    public static void assertArrayEquals(float[] wanted, float[] found, float delta, String message) { assertEquals(wanted.length, found.length, message); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, message); } }
    public static void assertArrayEquals(float[] wanted, float[] found, float delta, Supplier<String> message) { assertEquals(wanted.length, found.length, message); for (int i = 0; i < wanted.length; i++) { near(wanted[i], found[i], delta, message); } }
}
