package org.junit.jupiter.params.provider;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

@Retention(RetentionPolicy.RUNTIME)
public @interface ValueSource {
    int[] ints() default {};

    long[] longs() default {};

    double[] doubles() default {};

    float[] floats() default {};

    short[] shorts() default {};

    byte[] bytes() default {};

    char[] chars() default {};

    boolean[] booleans() default {};

    String[] strings() default {};

    Class<?>[] classes() default {};
}

@Retention(RetentionPolicy.RUNTIME)
public @interface CsvSource {
    String[] value() default {};

    String textBlock() default "";

    char delimiter() default ',';

    String emptyValue() default "";

    String[] nullValues() default {};
}

@Retention(RetentionPolicy.RUNTIME)
public @interface MethodSource {
    String[] value() default {};
}

@Retention(RetentionPolicy.RUNTIME)
public @interface EnumSource {
    Class<?> value() default Void.class;
}

@Retention(RetentionPolicy.RUNTIME)
public @interface NullSource {}

@Retention(RetentionPolicy.RUNTIME)
public @interface EmptySource {}

@Retention(RetentionPolicy.RUNTIME)
public @interface NullAndEmptySource {}

public interface Arguments {
    Object[] get();

    static Arguments of(Object... values) {
        return () -> values;
    }

    static Arguments arguments(Object... values) {
        return of(values);
    }
}
