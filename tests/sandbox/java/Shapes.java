import java.util.*;
import java.util.function.*;
class P { final String n; final int a; P(String n,int a){this.n=n;this.a=a;}
    String getName(){return n;}
    int getAge(){return a;}
    public boolean equals(Object o){ return o instanceof P p && p.n.equals(n) && p.a==a;}
    public int hashCode(){ return Objects.hash(n,a);}
    public String toString(){ return n+":"+a;}
}
class G { static Map<Integer,List<P>> by(List<P> ps){ Map<Integer,List<P>> m=new TreeMap<>(); for(P p: ps) m.computeIfAbsent(p.a,k->new ArrayList<>()).add(p); return m;}
    static Optional<P> old(List<P> ps){ return ps.stream().max(Comparator.comparingInt(P::getAge)); }
    static P[] arr(P... ps){ return ps; }
    static P[][] arr2(P[][] p){ return p; }
    static Map<P,Integer> cnt(Collection<P> c){ Map<P,Integer> m=new HashMap<>(); for(P p: c) m.merge(p,1,Integer::sum); return m; }
}
abstract class Animal<T extends Animal<T>> implements Comparable<T> { abstract T self(); int w; T w(int x){w=x; return self();}
    public int compareTo(T o){ return Integer.compare(w,o.w);}
}
class Cat extends Animal<Cat> { Cat self(){return this;}
}
class Pair<A,B> { final A a; final B b; Pair(A a,B b){this.a=a;this.b=b;}
    A getA(){return a;}
    B getB(){return b;}
    static <X,Y> Pair<X,Y> of(X x,Y y){ return new Pair<>(x,y);}
    <C> Pair<C,B> mapA(Function<? super A,? extends C> f){ return new Pair<>(f.apply(a),b);}
}
class Graph<N extends Comparable<? super N>> { private final Map<N,Set<N>> adj=new TreeMap<>(); void edge(N a,N b){ adj.computeIfAbsent(a,k->new TreeSet<>()).add(b);}
    Set<N> of(N a){ return adj.getOrDefault(a,Set.of()); }
    Map<N,Set<N>> all(){return adj;}
}
class U { static <T extends Comparable<T>> T max(Collection<? extends T> c){ return Collections.max(c);}
    @SafeVarargs static <T> List<T> list(T... x){ return new ArrayList<>(Arrays.asList(x)); }
    static <K,V extends Comparable<V>> K arg(Map<K,V> m){ return m.entrySet().stream().max(Map.Entry.comparingByValue()).get().getKey(); }
    static int sum(Iterable<? extends Number> it){ int s=0; for(Number n: it) s+=n.intValue(); return s;}
}
class InsufficientFundsException extends RuntimeException { private final double amount; public InsufficientFundsException(double a){ super("Need "+a); amount=a;}
    public double getAmount(){return amount;}
}
class V extends IllegalArgumentException { V(String s){super(s);}
}
class A { void a(){ throw new InsufficientFundsException(2.5);}
    void v(){ throw new V("bad"); }
    Exception e(){ return new V("ret"); }
    void r(Exception e) throws Exception { throw e; }
    static class X extends Exception {}
    void x() throws X { throw new X(); }
    void fin(){ try { throw new RuntimeException("a"); } finally { n=5; } }
    int n; void nfe(){ Integer.parseInt("x1"); }
    void cme(){ var l=new java.util.ArrayList<>(java.util.List.of(1,2,3)); for(var q: l) l.remove(q); }
    void cce(){ Object o="s"; Integer i=(Integer) o; }
    void assertErr(){ assert false : "boo"; }
}
enum Op implements java.util.function.IntBinaryOperator { ADD("+"){ public int applyAsInt(int a,int b){return a+b;} }
   , MUL("*"){ public int applyAsInt(int a,int b){return a*b;} }
   ; private final String s; Op(String s){this.s=s;}
    String sym(){return s;}
    static Optional<Op> of(String s){ return Arrays.stream(values()).filter(o->o.s.equals(s)).findFirst(); }
}
class E { static EnumMap<Op,Integer> m(){ EnumMap<Op,Integer> m=new EnumMap<>(Op.class); m.put(Op.ADD,1); return m;}
    static Set<Op> s(){ return EnumSet.of(Op.MUL);}
    static Map<Op,List<Op>> mm(Op... o){ return Map.of(o[0],List.of(o)); }
}
class Person implements Comparable<Person> { String n; int a; Person(String n,int a){this.n=n;this.a=a;}
    String getName(){return n;}
    public int compareTo(Person o){ return a-o.a; }
}
class Sol { Person best(String[] n,int[] a){ java.util.List<Person> l=new java.util.ArrayList<>(); for(int i=0;i<n.length;i++) l.add(new Person(n[i],a[i])); return java.util.Collections.max(l); }
    java.util.List<Person> all(){ return java.util.List.of(new Person("a",1)); }
}
@FunctionalInterface interface Tri<A,B,C,R> { R apply(A a,B b,C c); default <V> Tri<A,B,C,V> andThen(java.util.function.Function<? super R,? extends V> f){ return (a,b,c)->f.apply(apply(a,b,c)); }
}
class Ev { interface Listener { void on(String e); }
    private final List<Listener> ls=new ArrayList<>(); void add(Listener l){ls.add(l);}
    void remove(Listener l){ ls.remove(l);}
    void fire(String e){ for(Listener l: ls) l.on(e);}
    int n(){return ls.size();}
}
class C { static <R> R call(Tri<Integer,Integer,Integer,R> t){ return t.apply(1,2,3);}
}
class MyMap extends HashMap<String,Integer> { int total(){ int s=0; for(int v: values()) s+=v; return s;}
}
class Cnt<T> extends TreeMap<T,Integer> { void inc(T t){ merge(t,1,Integer::sum);}
}
class T1 extends Thread { int r; public void run(){ r=5; }
}
class CS implements CharSequence { public int length(){return 2;}
    public char charAt(int i){return (char)(97+i);}
    public CharSequence subSequence(int a,int b){return "ab".substring(a,b);}
    public String toString(){return "ab";}
}
