import java.util.*;
import java.util.function.*;
class Frac { final int n, d; Frac(int a, int b) { int g = gcd(a, b); n = a / g; d = b / g; }
    static int gcd(int a, int b) { return b == 0 ? a : gcd(b, a % b); }
    Frac plus(Frac o) { return new Frac(n * o.d + o.n * d, d * o.d); }
    public boolean equals(Object o) { return o instanceof Frac f && f.n == n && f.d == d; } public int hashCode() { return n; } }
record Nil() { } record Pair(Object a, Object b) { }
enum Op { PLUS, MINUS; Op turned() { return this == PLUS ? MINUS : PLUS; } }
class One { static final One ONLY = new One(); private One() { } static One get() { return ONLY; } }
class Upper { String run(String s) { return s.toUpperCase(); } public boolean equals(Object o) { return o instanceof Upper; }
    public int hashCode() { return 1; } }
class Kelvin { private final double k; Kelvin(double c) { k = c + 273.15; }
    public boolean equals(Object o) { return o instanceof Kelvin f && f.k == k; } public int hashCode() { return 1; } }
class Chain { Node head; static class Node { int v; Node next; Node(int v, Node n) { this.v = v; next = n; } }
    Chain(int... all) { for (int i = all.length; i-- > 0;) head = new Node(all[i], head); }
    Chain without(int x) { Chain out = new Chain(); Node last = null; for (Node n = head; n != null; n = n.next) if (n.v != x) {
        Node made = new Node(n.v, null); if (last == null) out.head = made; else last.next = made; last = made; } return out; }
    public boolean equals(Object o) { if (!(o instanceof Chain c)) return false; Node a = head, b = c.head;
        while (a != null && b != null && a.v == b.v) { a = a.next; b = b.next; } return a == b; } public int hashCode() { return 2; } }
class Store { final Deque<Integer> line = new ArrayDeque<>(); final Map<String, Set<Pair>> seen = new TreeMap<>(Comparator.reverseOrder());
    final PriorityQueue<Integer> queue = new PriorityQueue<>((a, b) -> b - a); final int[] sizes = new int[3]; transient int hash;
    Store add(int x) { line.add(x); queue.add(x); sizes[x % 3]++; seen.computeIfAbsent("k" + x % 2, k -> new HashSet<>()).add(new Pair(x, new Nil())); hash = x; return this; }
    public boolean equals(Object o) { return o instanceof Store s && new ArrayList<>(line).equals(new ArrayList<>(s.line)); }
    public int hashCode() { return line.size(); } }
class Ring { final String name; Ring next = this; final List<Ring> known = new ArrayList<>(); Ring(String name) { this.name = name; known.add(this); }
    Ring joined(Ring o) { next = o; o.next = this; known.add(o); return this; }
    public boolean equals(Object o) { return o instanceof Ring r && r.name.equals(name); } public int hashCode() { return name.hashCode(); } }
class Solution { Supplier<Integer> counter() { int[] n = {0}; return () -> ++n[0]; } Nil nil() { return new Nil(); } Object strategy() { return new Upper(); } }
