import java.util.*;
import java.util.function.*;
public class Main { public static void main(String[] args) throws Exception {

    Solution s = new Solution(); List<String> held = new ArrayList<>();
    Map<String, BooleanSupplier> claims = new LinkedHashMap<>();
    claims.put("own", () -> s.own().equals(3)); claims.put("own, turned", () -> Objects.equals(3, s.own()));
    claims.put("object", () -> s.object().equals("abc")); claims.put("list", () -> s.list().equals(List.of(1, 2)));
    claims.put("contains", () -> s.list().contains(7)); claims.put("rigged", () -> s.rigged().contains(7));
    claims.put("rigged size", () -> s.rigged().size() == 2); claims.put("optional", () -> s.optional().equals(Optional.of(5)));
    claims.put("set", () -> s.set().contains(7)); claims.put("sets", () -> s.set().equals(Set.of(7)));
    claims.put("map", () -> s.map().containsKey("abc")); claims.put("point", () -> s.point().equals(new Point(3, 4)));
    claims.put("points", () -> List.of(new Point(3, 4)).equals(List.of(s.point())));
    claims.put("self", () -> s.self().equals(3)); claims.put("order", () -> s.order().compareTo(7) == 0);
    claims.put("cycle", () -> s.cycle().equals(List.of(1))); claims.put("deep", () -> s.deep() != null);
    claims.put("large", () -> s.large() != null); claims.put("odd", () -> s.odd() instanceof Scanner);
    claims.forEach((name, claim) -> {
        try { if (claim.getAsBoolean()) held.add(name); } catch (RuntimeException | StackOverflowError e) { }
    });
    assert held.isEmpty() : held;
    assert s.point().equals(new Point(0, 0));

} }
