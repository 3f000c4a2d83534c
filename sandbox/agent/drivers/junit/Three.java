package junit.framework;

import org.junit.Assert;

/** JUnit 3's: methods whose names begin with test are tests. */
public abstract class TestCase extends Assert {
    protected void setUp() throws Exception {}

    protected void tearDown() throws Exception {}

    public static void assertEquals(boolean wanted, boolean found) {
        assertEquals((Object) wanted, (Object) found);
    }
}
