package org.junit.jupiter.api;

import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.opentest4j.TestAbortedException;

@Retention(RetentionPolicy.RUNTIME)
public @interface Test {}

@Retention(RetentionPolicy.RUNTIME)
public @interface RepeatedTest {
    int value();

    String name() default "";
}

@Retention(RetentionPolicy.RUNTIME)
public @interface BeforeEach {}

@Retention(RetentionPolicy.RUNTIME)
public @interface AfterEach {}

@Retention(RetentionPolicy.RUNTIME)
public @interface BeforeAll {}

@Retention(RetentionPolicy.RUNTIME)
public @interface AfterAll {}

@Retention(RetentionPolicy.RUNTIME)
public @interface Disabled {
    String value() default "";
}

@Retention(RetentionPolicy.RUNTIME)
public @interface Nested {}

@Retention(RetentionPolicy.RUNTIME)
public @interface DisplayName {
    String value();
}

@Retention(RetentionPolicy.RUNTIME)
public @interface Tag {
    String value();
}

@Retention(RetentionPolicy.RUNTIME)
public @interface Order {
    int value();
}

@Retention(RetentionPolicy.RUNTIME)
public @interface Timeout {
    long value();

    TimeUnit unit() default TimeUnit.SECONDS;
}

@Inherited
@Retention(RetentionPolicy.RUNTIME)
public @interface TestMethodOrder {
    Class<?> value();
}

@Inherited
@Retention(RetentionPolicy.RUNTIME)
public @interface TestInstance {
    Lifecycle value();

    enum Lifecycle { PER_METHOD, PER_CLASS }
}

public interface MethodOrderer {
    class OrderAnnotation implements MethodOrderer {}

    class MethodName implements MethodOrderer {}

    class Alphanumeric implements MethodOrderer {}

    class DisplayName implements MethodOrderer {}

    class Random implements MethodOrderer {}
}

public class Assumptions {
    public static void assumeTrue(boolean holds) {
        assumeTrue(holds, "");
    }

    public static void assumeTrue(boolean holds, String message) {
        if (!holds) {
            throw new TestAbortedException(message);
        }
    }

    public static void assumeTrue(BooleanSupplier holds) {
        assumeTrue(holds.getAsBoolean(), "");
    }

    public static void assumeFalse(boolean holds) {
        assumeTrue(!holds, "");
    }

    public static void assumeFalse(boolean holds, String message) {
        assumeTrue(!holds, message);
    }
}
