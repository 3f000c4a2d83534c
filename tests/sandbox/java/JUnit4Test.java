import org.junit.*;
import static org.junit.Assert.assertEquals;
public class CalcTest {
  private Calc calc;
  @Before public void setUp() { calc = new Calc(); }
  @Test public void adds() { assertEquals("sum", 3, calc.add(1, 2)); Assert.assertTrue(calc.box(1) == 1); }
  @Test(expected = ArithmeticException.class) public void raises() { calc.div(1, 0); }
}
