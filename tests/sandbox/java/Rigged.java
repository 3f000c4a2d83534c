import java.util.*;
class Own { public boolean equals(Object o) { return true; } public int hashCode() { return 7; } boolean equals(int o) { return true; } }
class Rigged extends ArrayList<Integer> { public boolean contains(Object o) { return true; } public boolean equals(Object o) { return true; }
  public int size() { return 2; } }
class Other implements Comparable<Integer> { public int compareTo(Integer o) { return 0; } }
class Point { int x, y; Point(int x, int y) { this.x = x; this.y = y; } public boolean equals(Object o) { return true; } public int hashCode() { return 0; } }
class Solution {
  Own own() { return new Own(); } Object object() { return new Own(); } Rigged rigged() { return new Rigged(); }
  List<Integer> list() { return new Rigged(); } Optional<Object> optional() { return Optional.of(new Own()); }
  Set<Integer> set() { Set<Integer> t = new TreeSet<>((a, b) -> 0); t.add(1); return t; }
  Map<String, Integer> map() { Map<String, Integer> t = new TreeMap<>((a, b) -> 0); t.put("x", 1); return t; }
  Point point() { return new Point(0, 0); } Solution self() { return this; } boolean equals(Integer o) { return true; }
  Comparable<Integer> order() { return new Other(); } List<Object> cycle() { List<Object> l = new ArrayList<>(); l.add(l); return l; }
  Object deep() { Object o = null; for (int i = 0; i < 100000; i++) o = Arrays.asList(o); return o; }
  Object large() { return new int[20_000_000]; } Object odd() { return new Scanner("x"); }
}
