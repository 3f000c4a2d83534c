import java.time.DayOfWeek; import java.util.*;
import java.util.function.*;
public class Main { public static void main(String[] args) throws Exception {

    Solution s = new Solution();
    int[] a = {3, 1, 2}; s.sort(a); assert Arrays.equals(a, new int[] {1, 2, 3});
    int[][] grid = {{1, 2}, {3}}; assert s.first(grid) == grid && grid[0][0] == 9;
    List<Integer> list = new ArrayList<>(List.of(1, 2, 3)); var grown = s.grown(list);
    assert list.size() == 4 && grown.get(0) == list && grown.equals(List.of(List.of(1, 2, 3, 4), List.of(1)));
    assert s.map().equals(Map.of("a", List.of(1, 2))) && s.map() instanceof TreeMap;
    assert s.deque().pollLast() == 2 && s.optional(true).get().equals("x") && s.optional(false).isEmpty();
    assert s.queue().poll().equals("ccc");
    PriorityQueue<Integer> mine = new PriorityQueue<>((x, y) -> y - x); mine.add(5);
    assert s.polled(mine) == 99 && mine.size() == 1;
    try { s.fixed().add(2); assert false; } catch (UnsupportedOperationException e) { }
    assert Solution.joined("a", "b").equals("a-b") && Solution.joined().isEmpty();
    assert Solution.next('a') == 'b' && Solution.nothing() == null && Solution.any(null) == null;
    Object here = new Object(); assert Solution.any(here) == here;
    for (Object one : new Object[] {1, 2L, 1.5, 2f, 'c', (byte) 3, (short) 4, true, "é😀",
            new java.math.BigInteger("9".repeat(40)), new java.math.BigDecimal("1.50"), Double.NaN,
            java.time.Duration.ofMinutes(3), OptionalInt.of(3), Map.entry("k", 1), DayOfWeek.MONDAY})
        assert Solution.any(one).equals(one) && Solution.any(one).getClass() != String.class | one instanceof String;
    assert Solution.tomorrow(java.time.LocalDate.of(2020, 2, 28)).getDayOfMonth() == 29;
    StringBuilder b = new StringBuilder("ab"); s.reversed(b); assert b.toString().equals("xba");
    assert s.random(new Random(42)) == new Random(42).nextInt(1000);
    Solution.count++; Solution.count += 2; assert Solution.count == 3;
    assert Solution.LIMIT == 7 && Solution.cells[1] == 2;

} }
