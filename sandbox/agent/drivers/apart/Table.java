import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** The containers of one call by number, so that an alias stays one. */
final class PlumbTable {
    final List<Object> objects = new ArrayList<>();
    private final Map<Object, Integer> numbers = new IdentityHashMap<>();

    /** The number of a container that has one, else -1. */
    int find(Object value) {
        Integer number = numbers.get(value);
        return number == null ? -1 : number;
    }

    int add(Object value) {
        int number = objects.size();
        objects.add(value);
        if (value != null) {
            numbers.put(value, number);
        }
        return number;
    }

    void fill(int number, Object value) {
        objects.set(number, value);
        numbers.put(value, number);
    }
}
