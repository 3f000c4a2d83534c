package org.opentest4j;

public class AssertionFailedError extends AssertionError {
    public AssertionFailedError() {}

    public AssertionFailedError(String message) {
        super(message);
    }

    public AssertionFailedError(String message, Throwable cause) {
        super(message, cause);
    }
}

/** A test that says of itself that it does not apply. */
public class TestAbortedException extends RuntimeException {
    public TestAbortedException(String message) {
        super(message);
    }
}
