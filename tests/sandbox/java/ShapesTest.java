import java.util.*;

public class Main {
    public static void main(String[] args) throws Exception {
        {
            P a=new P("a",1), b=new P("b",2);
            var r=G.by(List.of(a,b));
            assert r.get(1).get(0)==a;
            assert G.old(List.of(a,b)).get().getName().equals("b");
            assert G.arr(a,b).length==2 && G.arr(a,b)[1]==b;
            assert G.arr2(new P[][]{{a},{b}})[1][0]==b;
            assert G.cnt(List.of(a,new P("a",1))).get(a)==2;
            assert a.equals(new P("a",1)) && !a.equals(b);
            assert (""+a).equals("a:1");
            List<P> l=new ArrayList<>(List.of(b,a)); l.sort(Comparator.comparing(P::getName));
            assert l.get(0)==a;
            assert l.stream().map(P::getAge).reduce(0,Integer::sum)==3;
        }
        {
            assert new Cat().w(3).compareTo(new Cat().w(4))<0;
            Pair<String,Integer> p=Pair.of("a",1);
            assert p.a.equals("a") && p.getB()==1;
            assert p.mapA(String::length).getA()==1;
            Graph<String> g=new Graph<>(); g.edge("a","b"); g.edge("a","c");
            assert g.of("a").equals(Set.of("b","c"));
            assert g.all().get("a").size()==2;
            assert U.max(List.of(1,3,2))==3;
            assert U.list(1,2).equals(List.of(1,2));
            assert U.arg(Map.of("x",1,"y",2)).equals("y");
            assert U.sum(List.of(1,2.5))==3;
            assert U.sum(new HashSet<>(List.of(1)))==1;
        }
        {
            A a=new A();
            try { a.a();
            assert false; } catch (InsufficientFundsException e) { assert e.getAmount()==2.5;
            assert e.getMessage().equals("Need 2.5");
            assert e.getClass().getSimpleName().equals("InsufficientFundsException"); } try { a.v(); throw new Exception("no"); } catch (IllegalArgumentException e) { assert e instanceof V && e.getMessage().equals("bad"); } assert a.e() instanceof V;
            Exception mine=new java.io.IOException("m");
            try { a.r(mine);
            assert false; } catch (java.io.IOException e) { assert e==mine; } try { a.x();
            assert false; } catch (A.X e) { assert e.getMessage()==null; } try { a.fin(); } catch (RuntimeException e) { assert a.n==5; } try { a.nfe();
            assert false; } catch (NumberFormatException e) { assert e.getMessage().contains("x1"); } try { a.cme();
            assert false; } catch (ConcurrentModificationException e) {} try { a.cce();
            assert false; } catch (ClassCastException e) {} try { a.assertErr();
            assert false; } catch (AssertionError e) { assert e.getMessage().equals("boo"); } InsufficientFundsException own=new InsufficientFundsException(1);
            try { throw own; } catch (RuntimeException e) { assert e.getMessage().equals("Need 1.0"); }
        }
        {
            assert Op.ADD.applyAsInt(1,2)==3;
            assert Op.of("*").get()==Op.MUL;
            assert Op.of("?").isEmpty();
            assert E.m().get(Op.ADD)==1;
            assert E.s().contains(Op.MUL);
            assert E.mm(Op.ADD,Op.MUL).get(Op.ADD).get(1)==Op.MUL;
            EnumMap<Op,Integer> em=E.m();
            assert em.size()==1;
            assert Op.MUL.sym().equals("*");
            assert Op.ADD.compareTo(Op.MUL)<0;
        }
        {
            assert new Sol().best(new String[]{"a","b"},new int[]{1,2}).getName().equals("b");
            assert new Sol().all().get(0).getName().equals("a");
            assert new Sol().all().get(0).a==1;
            var p=new Sol().all().get(0); p.a=5;
            assert p.a==5;
        }
        {
            assert C.call((a,b,c)->a+b+c)==6;
            Tri<Integer,Integer,Integer,Integer> t=(a,b,c)->a*b*c;
            assert t.andThen(x->"r"+x).apply(1,2,3).equals("r6");
            Ev e=new Ev();
            List<String> got=new ArrayList<>(); Ev.Listener l=got::add; e.add(l); e.fire("x");
            assert got.equals(List.of("x")); e.remove(l);
            assert e.n()==0;
        }
        {
            MyMap m=new MyMap(); m.put("a",1); m.put("b",2);
            assert m.total()==3;
            assert m.get("a")==1 && m.size()==2 && m.containsKey("b");
            assert m.equals(Map.of("a",1,"b",2));
            Cnt<String> c=new Cnt<>(); c.inc("x"); c.inc("x");
            assert c.get("x")==2;
            assert c.firstKey().equals("x");
            CS s=new CS();
            assert s.length()==2 && s.charAt(1)=='b' && s.toString().equals("ab");
            for (Map.Entry<String,Integer> e: m.entrySet()) assert e.getValue()>0;
            assert m.keySet().equals(Set.of("a","b"));
        }
    }
}
