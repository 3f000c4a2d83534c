import java.util.*;
import static org.junit.jupiter.api.Assertions.*;
import org.junit.jupiter.api.*;
class EqualTest {
    Solution s = new Solution();
    @Test void fractions() {
        assertEquals(new Frac(1, 2), new Frac(2, 4)); assertEquals(new Frac(5, 6), new Frac(1, 2).plus(new Frac(1, 3)));
        assertNotEquals(new Frac(5, 6), new Frac(1, 2)); assertTrue(new HashSet<>(List.of(new Frac(1, 2))).contains(new Frac(3, 6)));
    }
    @Test void nothing() {
        assertEquals(new Nil(), s.nil()); assertEquals(new Upper(), s.strategy()); assertEquals(new Pair(new Nil(), 1), new Pair(s.nil(), 1));
        assertSame(One.get(), One.get()); assertEquals(One.get(), One.ONLY); assertEquals(Op.MINUS, Op.PLUS.turned());
        var count = s.counter(); assertEquals(count, count); assertNotEquals(count, s.counter());
    }
    @Test void changed() { assertEquals(new Kelvin(100), new Kelvin(100.0)); assertNotEquals(new Kelvin(1), new Kelvin(2)); }
    @Test void chains() {
        assertEquals(new Chain(), new Chain(5).without(5)); assertEquals(new Chain(1, 3), new Chain(1, 2, 3).without(2));
        assertNotEquals(new Chain(1, 2), new Chain(1, 3)); int[] many = new int[5000]; assertEquals(new Chain(many), new Chain(many).without(1));
    }
    @Test void collections() {
        assertEquals(new Store().add(5).add(4), new Store().add(5).add(4)); assertNotEquals(new Store().add(5), new Store().add(4));
        assertEquals(new Ring("a").joined(new Ring("b")), new Ring("a").joined(new Ring("b")));
    }
}
