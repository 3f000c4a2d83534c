import java.util.*;
import java.util.function.*;
class ListNode { int val; ListNode next; ListNode(int v) { val = v; } }
record Point(int x, int y) { Point plus(Point o) { return new Point(x + o.x, y + o.y); } }
enum Color { RED("r"), GREEN("g") { String hex() { return "G"; } };
    final String s; Color(String s) { this.s = s; } String hex() { return s; } }
interface Shape { double area(); default String told() { return "A" + area(); } static Shape unit() { return () -> 1.0; } }
class Circle implements Shape { double r; Circle(double r) { this.r = r; } public double area() { return r * r * 3; } }
abstract class Base { int id = 7; abstract String name(); String hi() { return "hi " + name(); }
    static Base hidden() { return new Base() { String name() { return "anon"; } }; } }
class Dog extends Base { String name() { return "dog"; } }
class Broke extends Exception { int code; Broke(String m, int c) { super(m); code = c; } int twice() { return 2 * code; } }
class Bank { void take(int x) throws Broke { if (x > 3) throw new Broke("no funds", 42); }
    int divided(int a, int b) { return a / b; }
    void caused() { throw new IllegalStateException("outer", new RuntimeException("inner")); }
    void file() throws java.io.IOException { throw new java.io.FileNotFoundException("f"); }
    int deep(int n) { return deep(n + 1) + 1; } }
class MyStack<E extends Comparable<E>> implements Iterable<E> { private final Deque<E> d = new ArrayDeque<>();
    void push(E e) { d.push(e); } E pop() { return d.pop(); } int size() { return d.size(); }
    public Iterator<E> iterator() { return d.iterator(); } }
class MyList extends AbstractList<String> { private final List<String> a = new ArrayList<>();
    public String get(int i) { return a.get(i); } public int size() { return a.size(); }
    public boolean add(String x) { return a.add(x); } }
class Outer { int base = 5; class Inner { int get() { return base; } } static class Nested { int v = 3; } }
class Fun { static <T, R> List<R> map(List<T> xs, Function<? super T, ? extends R> f) {
        List<R> r = new ArrayList<>(); for (T x : xs) r.add(f.apply(x)); return r; }
    static double twice(Shape s) { return 2 * s.area(); } static String told(Shape s) { return s.told(); }
    static Supplier<Integer> counter() { int[] n = {0}; return () -> ++n[0]; }
    static void run(Runnable r) { r.run(); }
    static void sort(List<String> xs, Comparator<String> c) { xs.sort(c); }
    static Iterator<Integer> two() { return List.of(1, 2).iterator(); }
    static java.util.stream.IntStream stream() { return java.util.stream.IntStream.range(0, 5); }
    static ListNode reversed(ListNode h) { ListNode p = null;
        while (h != null) { ListNode n = h.next; h.next = p; p = h; h = n; } return p; } }
class App { public static void main(String[] args) { int n = new Scanner(System.in).nextInt();
    System.out.println("got " + 2 * n); System.out.printf("%d%n", args.length); } }
