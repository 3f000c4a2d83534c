import java.util.*;
class Solution {
    void sort(int[] a) { Arrays.sort(a); }
    int[][] first(int[][] a) { a[0][0] = 9; return a; }
    List<List<Integer>> grown(List<Integer> a) { a.add(4); return new ArrayList<>(List.of(a, List.of(1))); }
    Map<String, List<Integer>> map() { return new TreeMap<>(Map.of("a", new LinkedList<>(List.of(1, 2)))); }
    Deque<Integer> deque() { return new ArrayDeque<>(List.of(1, 2)); }
    Optional<String> optional(boolean is) { return is ? Optional.of("x") : Optional.empty(); }
    PriorityQueue<String> queue() { var q = new PriorityQueue<String>((a, b) -> b.length() - a.length());
        q.addAll(List.of("a", "ccc", "bb")); return q; }
    int polled(PriorityQueue<Integer> q) { q.add(99); return q.poll(); }
    List<Integer> fixed() { return List.of(1); }
    static String joined(String... parts) { return String.join("-", parts); }
    static char next(char c) { return (char) (c + 1); }
    static Object any(Object o) { return o; }
    static Integer nothing() { return null; }
    static java.time.LocalDate tomorrow(java.time.LocalDate d) { return d.plusDays(1); }
    void reversed(StringBuilder b) { b.append("x").reverse(); }
    int random(Random r) { return r.nextInt(1000); }
    static final int LIMIT = 7; static int count; static int[] cells = {1, 2};
}
