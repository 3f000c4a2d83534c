import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/**
 * When two objects of a program are equal for a test: by their own word, and by what they hold.
 *
 * <p>Guarantee: of what they hold no {@code equals} or {@code hashCode} of the program decides,
 * wherever its objects lie within the platform's. What is cyclic is compared once; objects of more
 * than MOST_PAIRS parts are not equal.
 */
final class PlumbSame {
    private static final int MOST_PAIRS = 1 << 20;
    private final Set<Pair> path = new HashSet<>();
    private int pairs;

    static boolean equal(Object one, Object other, PlumbMade made) throws IllegalAccessException {
        return one == other
                || (one.equals(other) && made.tells(one) && made.tells(other) && holdSame(one, other));
    }

    static boolean holdSame(Object one, Object other) throws IllegalAccessException {
        try {
            return new PlumbSame().same(one, other);
        } catch (StackOverflowError error) {
            return false;
        }
    }

    private boolean same(Object one, Object other) throws IllegalAccessException {
        if (one == other) {
            return true;
        }
        if (one == null || other == null) {
            return false;
        }
        if (isPlain(one)) {
            return one.equals(other);
        }
        if (++pairs > MOST_PAIRS || PlumbProxy.behind(one) != null) { // the test's objects are themselves
            return false;
        }
        Pair pair = new Pair(one, other);
        if (!path.add(pair)) {
            return true; // it is being compared
        }
        try {
            return sameParts(one, other);
        } finally {
            path.remove(pair);
        }
    }

    private boolean sameParts(Object one, Object other) throws IllegalAccessException {
        boolean isOwn = isOwn(one);
        if (isOwn && one.getClass() != other.getClass()) {
            return false;
        }
        if (one instanceof Map<?, ?> map) {
            return other instanceof Map<?, ?> more && sameMaps(map, more) && (!isOwn || sameFields(one, other));
        }
        List<Object> items = items(one);
        if (items == null) {
            return isOwn ? sameFields(one, other) : Objects.equals(one, other);
        }
        List<Object> others = items(other);
        if (others == null || isOrdered(one) != isOrdered(other) || items.size() != others.size()) {
            return false;
        }
        boolean areSame = isOrdered(one) ? inOrder(items, others) : matched(items, others);
        return areSame && (!isOwn || sameFields(one, other));
    }

    private boolean sameFields(Object one, Object other) throws IllegalAccessException {
        for (Field field : fields(one.getClass())) {
            if (!same(field.get(one), field.get(other))) {
                return false;
            }
        }
        return true;
    }

    private boolean sameMaps(Map<?, ?> map, Map<?, ?> more) throws IllegalAccessException {
        Map<Object, Object> left = new HashMap<>();
        List<Object> items = new ArrayList<>();
        List<Object> others = new ArrayList<>();
        for (Map.Entry<?, ?> entry : more.entrySet()) {
            if (isPlain(entry.getKey())) {
                left.put(entry.getKey(), entry.getValue());
            } else {
                others.add(new Object[] {entry.getKey(), entry.getValue()});
            }
        }
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            Object key = entry.getKey();
            if (!isPlain(key)) {
                items.add(new Object[] {key, entry.getValue()});
            } else if (!left.containsKey(key) || !same(entry.getValue(), left.remove(key))) {
                return false;
            }
        }
        return left.isEmpty() && matched(items, others);
    }

    private boolean inOrder(List<Object> items, List<Object> others) throws IllegalAccessException {
        for (int i = 0; i < items.size(); i++) {
            if (!same(items.get(i), others.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** Whether each of some things has one of its own among others, and none of these is left. */
    private boolean matched(List<Object> items, List<Object> others) throws IllegalAccessException {
        Map<Object, Integer> counts = new HashMap<>();
        others.stream().filter(PlumbSame::isPlain).forEach(one -> counts.merge(one, 1, Integer::sum));
        List<Object> left = new ArrayList<>(others);
        left.removeIf(PlumbSame::isPlain);
        for (Object item : items) {
            if (isPlain(item)) {
                counts.merge(item, -1, Integer::sum);
                continue;
            }
            int at = 0;
            while (at < left.size() && !same(item, left.get(at))) {
                at++;
            }
            if (at == left.size()) {
                return false;
            }
            left.remove(at);
        }
        return left.isEmpty() && counts.values().stream().allMatch(count -> count == 0);
    }

    /** What is in an array, or in what the platform knows as holding things; null: it is neither. */
    static List<Object> items(Object value) {
        if (value.getClass().isArray()) {
            List<Object> out = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) {
                out.add(Array.get(value, i));
            }
            return out;
        }
        if (value instanceof Collection<?> all) {
            return new ArrayList<>(all);
        }
        if (value instanceof Map.Entry<?, ?> entry) {
            return Arrays.asList(entry.getKey(), entry.getValue());
        }
        if (value instanceof Optional<?> one) {
            return Arrays.asList(one.orElse(null));
        }
        if (value instanceof Throwable error) {
            return Arrays.asList(error.getClass(), error.getMessage());
        }
        return value instanceof AtomicReference<?> one ? Arrays.asList(one.get()) : null;
    }

    private static boolean isOrdered(Object value) {
        return !(value instanceof Set<?> || value instanceof PriorityQueue<?>);
    }

    /** Whether something is of a class of the program, and no array. */
    static boolean isOwn(Object value) {
        return value.getClass().getClassLoader() != null && !value.getClass().isArray();
    }

    /** Whether something is data of one part, whose own word is the platform's. */
    static boolean isPlain(Object value) {
        return value instanceof Enum<?> || (value instanceof Comparable<?> && !isOwn(value));
    }

    /** The fields by which objects of a program's class differ, those of its classes above included. */
    static List<Field> fields(Class<?> type) {
        List<Field> found = new ArrayList<>();
        for (Class<?> at = type; at != null && at.getClassLoader() != null; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                boolean isOuter = field.isSynthetic() && field.getName().startsWith("this$");
                if (!isOuter && (field.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) == 0) {
                    field.setAccessible(true);
                    found.add(field);
                }
            }
        }
        return found;
    }

    private record Pair(Object one, Object other) {
        @Override
        public boolean equals(Object object) {
            return object instanceof Pair pair && pair.one == one && pair.other == other;
        }

        @Override
        public int hashCode() {
            return 31 * System.identityHashCode(one) + System.identityHashCode(other);
        }
    }
}
