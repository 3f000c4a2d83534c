import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the objects that a test had made show of what they were made with.
 *
 * <p>A class whose constructors drop what they are given can tell none of its objects from another:
 * then no two of them are equal for a test. So is a class without a field; and one of which all that
 * was made holds the same, if it was given at least ENOUGH different things. One that brings what it
 * is given to a form of its own is believed once an object holds just that, or differs from another.
 */
final class PlumbMade {
    private static final int MOST_PARTS = 256; // of one object that are looked at
    private static final int MOST_OBJECTS = 64; // of one class
    private static final int ENOUGH = 3; // different lists of arguments
    private final Map<Class<?>, Shown> shown = new HashMap<>();
    private final Map<Object, String> names = new IdentityHashMap<>();

    /** What is known of a class: its objects, and the different things that they were made with. */
    private static final class Shown {
        final List<Object> objects = new ArrayList<>();
        final Set<List<String>> given = new HashSet<>();
        boolean tells;
    }

    /** An object has been made with these arguments. */
    void note(Object made, Object[] arguments) {
        if (made == null || !PlumbSame.isOwn(made) || made instanceof Enum<?>) {
            return;
        }
        Shown known = shown.computeIfAbsent(made.getClass(), ignored -> new Shown());
        if (known.tells || arguments.length == 0 || known.objects.size() >= MOST_OBJECTS) {
            return;
        }
        try {
            learn(known, made, words(List.of((Object) arguments)));
        } catch (IllegalAccessException | RuntimeException | StackOverflowError error) {
            known.tells = true; // it cannot be looked into
        }
    }

    private void learn(Shown known, Object made, Set<String> given) throws IllegalAccessException {
        if (given.isEmpty()) {
            return;
        }
        known.objects.add(made);
        known.given.add(List.copyOf(given));
        Set<String> held = words(List.of(made));
        held.remove(names.get(made));
        known.tells = held.equals(given) || !PlumbSame.holdSame(known.objects.get(0), made);
    }

    /** Whether a class can tell its objects from each other, as far as it has shown. */
    boolean tells(Object value) throws IllegalAccessException {
        Shown known = shown.get(value.getClass());
        if (known == null || known.tells || known.objects.isEmpty()) {
            return true;
        }
        if (hasNoPart(value.getClass())) {
            return false;
        }
        for (Object one : known.objects) { // it may have been filled since
            known.tells = known.tells || !PlumbSame.holdSame(known.objects.get(0), one);
        }
        return known.tells || known.given.size() < ENOUGH;
    }

    private static boolean hasNoPart(Class<?> type) {
        Class<?> above = type;
        while (above.getClassLoader() != null) {
            above = above.getSuperclass();
        }
        return PlumbSame.fields(type).isEmpty() && (above == Object.class || above == Record.class);
    }

    /** Words for the data that is in these, and for the objects of classes that are not data. */
    private Set<String> words(List<Object> all) throws IllegalAccessException {
        Set<String> out = new LinkedHashSet<>();
        Set<Object> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Object> left = new ArrayDeque<>(all);
        while (!left.isEmpty() && seen.size() < MOST_PARTS) {
            Object value = left.poll();
            if (!seen.add(value)) {
                continue;
            }
            if (PlumbSame.isPlain(value)) {
                out.add(word(value));
                continue;
            }
            if (PlumbSame.isOwn(value)) {
                names.putIfAbsent(value, "#" + names.size());
                out.add(names.get(value));
                for (Field field : PlumbSame.fields(value.getClass())) {
                    push(field.get(value), left);
                }
            }
            if (value.getClass().isArray()) {
                for (int i = 0; i < Math.min(MOST_PARTS, Array.getLength(value)); i++) {
                    push(Array.get(value, i), left);
                }
                continue;
            }
            List<Object> items = value instanceof Map<?, ?> map
                    ? List.of(map.keySet(), map.values())
                    : PlumbSame.items(value);
            for (Object item : items == null ? List.of() : items) {
                push(item, left);
            }
        }
        return out;
    }

    private static void push(Object value, Deque<Object> left) {
        if (value != null && left.size() < MOST_PARTS) {
            left.add(value);
        }
    }

    private static String word(Object value) {
        if (value instanceof Enum<?> constant) {
            return constant.name();
        }
        return value instanceof String text ? '"' + text : value.toString().replaceFirst("\\.0+$", "");
    }
}
