import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the objects that a test had made show of what they were made with.
 *
 * <p>A class whose constructors drop what they are given can tell none of its objects from another,
 * be its fields none at all or the same in each: then no two of them are equal for a test. A class
 * is believed once one of its objects holds something that it was given, or differs from another.
 */
final class PlumbMade {
    private static final int MOST_PARTS = 256; // of one object that are looked at
    private static final int MOST_OBJECTS = 64; // of one class
    private static final String TEXT = "\"";
    private final Map<Class<?>, Shown> shown = new HashMap<>();
    private final Map<Object, String> names = new IdentityHashMap<>();

    /** What is known of a class: its first object, what that was made with, and what came of it. */
    private static final class Shown {
        Object first;
        Set<String> given;
        boolean tells;
        boolean drops;
        int objects;
    }

    /** An object has been made with these arguments. */
    void note(Object made, Object[] arguments) {
        if (made == null || !PlumbSame.isOwn(made) || made instanceof Enum<?>) {
            return;
        }
        Shown known = shown.computeIfAbsent(made.getClass(), ignored -> new Shown());
        if (known.tells || arguments.length == 0 || known.objects >= MOST_OBJECTS) {
            return;
        }
        known.objects++;
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
        if (known.first == null) {
            known.first = made;
            known.given = given;
            known.drops = hasNoPart(made.getClass());
        } else if (!given.equals(known.given)) {
            known.drops = true;
            known.tells = !PlumbSame.holdSame(known.first, made);
        }
        Set<String> held = words(List.of(made));
        known.tells = known.tells || given.stream().anyMatch(word -> isAmong(word, held));
    }

    /** Whether a class can tell its objects from each other, as far as it has shown. */
    boolean tells(Object value) {
        Shown known = shown.get(value.getClass());
        return known == null || known.tells || !known.drops;
    }

    /** Whether a word is among what an object holds, or is a text with a part that is. */
    private static boolean isAmong(String word, Set<String> held) {
        return held.contains(word) || (word.startsWith(TEXT) && held.stream().anyMatch(one -> {
            String part = one.startsWith(TEXT) ? one.substring(TEXT.length()) : one;
            return !part.isEmpty() && word.contains(part);
        }));
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
        Set<String> out = new HashSet<>();
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
        return value instanceof String text ? TEXT + text : value.toString().replaceFirst("\\.0+$", "");
    }
}
