import java.util.*;
import java.util.function.*;
public class Main { public static void main(String[] args) throws Exception {

    ListNode a = new ListNode(1); a.next = new ListNode(2); ListNode r = Fun.reversed(a);
    assert r.val == 2 && r.next == a && a.next == null; r.val += 5; assert r.val++ == 7 && r.val == 8;
    Point p = new Point(1, 2); assert p.plus(p).equals(new Point(2, 4)) && p.toString().equals("Point[x=1, y=2]");
    assert new HashSet<>(List.of(p)).contains(new Point(1, 2)) && !p.equals(new Point(2, 1));
    assert Color.RED.hex().equals("r") && Color.GREEN.hex().equals("G") && Color.valueOf("RED").s.equals("r");
    switch (Color.GREEN) { case GREEN: break; default: throw new AssertionError(); }
    Shape c = new Circle(2); assert c.area() == 12 && c.told().equals("A12.0") && ((Circle) c).r == 2;
    assert Shape.unit().told().equals("A1.0") && Fun.twice(() -> 4.0) == 8.0 && Fun.told(() -> 5.0).equals("A5.0");
    Base dog = new Dog(); dog.id++; assert dog.hi().equals("hi dog") && dog.id == 8 && dog instanceof Dog;
    assert Base.hidden().hi().equals("hi anon");
    Bank bank = new Bank(); bank.take(1);
    try { bank.take(9); assert false; } catch (Broke e) { assert e.getMessage().equals("no funds") && e.twice() == 84 && e.code == 42; }
    try { bank.divided(1, 0); assert false; } catch (ArithmeticException e) { assert e.getMessage().contains("zero"); }
    try { bank.caused(); assert false; } catch (IllegalStateException e) { assert e.getCause().getMessage().equals("inner"); }
    try { bank.file(); assert false; } catch (java.io.FileNotFoundException e) { assert e.getMessage().equals("f"); }
    try { bank.deep(0); assert false; } catch (StackOverflowError e) { }
    MyStack<String> s = new MyStack<>(); s.push("a"); s.push("b"); assert s.size() == 2 && s.pop().equals("b");
    int seen = 0; for (String one : s) seen += one.length(); assert seen == 1;
    MyList l = new MyList(); l.add("a"); assert l.equals(List.of("a")) && List.of("a").equals(l) && l.contains("a");
    Outer o = new Outer(); o.base = 6; Outer.Inner in = o.new Inner(); assert in.get() == 6 && new Outer.Nested().v == 3;
    assert Fun.map(List.of(1, 2), x -> x * 2).equals(List.of(2, 4));
    var count = Fun.counter(); count.get(); assert count.get() == 2;
    try { Fun.run(() -> { throw new IllegalStateException("mine"); }); assert false; }
    catch (IllegalStateException e) { assert e.getMessage().equals("mine"); }
    List<String> w = new ArrayList<>(List.of("bb", "a", "ccc")); Fun.sort(w, Comparator.comparing(String::length).reversed());
    assert w.equals(List.of("ccc", "bb", "a"));
    Iterator<Integer> two = Fun.two(); assert two.next() == 1 && two.next() == 2 && !two.hasNext();
    assert Fun.stream().filter(x -> x % 2 == 0).sum() == 6;
    var out = System.out; var said = new java.io.ByteArrayOutputStream(); System.setOut(new java.io.PrintStream(said));
    System.setIn(new java.io.ByteArrayInputStream("21\n".getBytes())); App.main(new String[] {"x"}); System.setOut(out);
    assert said.toString().equals("got 42\n1\n") : said;
    System.exit(0);

} }
