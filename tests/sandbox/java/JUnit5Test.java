import org.junit.jupiter.api.*;
import org.junit.jupiter.params.*;
import org.junit.jupiter.params.provider.*;
import static org.junit.jupiter.api.Assertions.*;
import java.util.*;
import java.util.stream.Stream;
class CalcTest {
  private Calc calc;
  @BeforeEach void setUp() { calc = new Calc(); }
  @Test @DisplayName("adds") void adds() { assertEquals(3, calc.add(1, 2)); assertEquals(3, calc.box(3), "it"); assertEquals(3L, calc.add(1, 2)); }
  @Test void raises() { assertEquals("/ by zero", assertThrows(ArithmeticException.class, () -> calc.div(1, 0)).getMessage()); }
  @Test void arrays() { assertAll(() -> assertArrayEquals(new int[] {0, 1, 4}, calc.squares(3)), () -> assertIterableEquals(List.of(1), List.of(1))); }
  @ParameterizedTest @CsvSource({"1, 2, 3", "-1,1,0"}) void csv(int a, int b, int c) { assertEquals(c, calc.add(a, b)); }
  @ParameterizedTest @ValueSource(ints = {1, 2}) void value(int a) { assertEquals(a, calc.box(a)); }
  @ParameterizedTest @MethodSource("cases") void method(int a, int b) { assertEquals(b, calc.add(a, a)); }
  static Stream<Arguments> cases() { return Stream.of(Arguments.of(1, 2), Arguments.of(3, 6)); }
  @Nested class Inner { @Test void inner() { assertEquals(2, calc.add(1, 1)); } }
  @Disabled @Test void off() { fail("it is off"); }
}
