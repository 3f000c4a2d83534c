import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Hashtable;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.Stack;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.Vector;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;

/**
 * Collections of the platform by name; those of other classes cross as their nearest kin.
 *
 * <p>An order that is not the natural one is kept as the order of the elements that are there: a
 * comparator is code of the other side, and must not decide what is equal here.
 */
final class PlumbKinds {
    static final String FIXED = "fixed";
    static final String FROZEN_LIST = "frozen list";
    static final String FROZEN_SET = "frozen set";
    static final String FROZEN_MAP = "frozen map";
    static final String ENUM_SET = "set of constants";
    static final String ENUM_MAP = "java.util.EnumMap";
    private static final Map<String, Supplier<Collection<Object>>> COLLECTIONS = new HashMap<>();
    private static final Map<String, Supplier<Map<Object, Object>>> MAPS = new HashMap<>();

    static {
        List<Supplier<Collection<Object>>> collections = List.of(
                ArrayList::new, LinkedList::new, Vector::new, Stack::new, HashSet::new,
                LinkedHashSet::new, TreeSet::new, ArrayDeque::new, PriorityQueue::new,
                CopyOnWriteArrayList::new, ConcurrentLinkedQueue::new, ConcurrentLinkedDeque::new,
                LinkedBlockingQueue::new, LinkedBlockingDeque::new, ConcurrentSkipListSet::new,
                ConcurrentHashMap::newKeySet);
        collections.forEach(one -> COLLECTIONS.put(one.get().getClass().getName(), one));
        List<Supplier<Map<Object, Object>>> maps = List.of(
                HashMap::new, LinkedHashMap::new, TreeMap::new, Hashtable::new,
                ConcurrentHashMap::new, IdentityHashMap::new, ConcurrentSkipListMap::new);
        maps.forEach(one -> MAPS.put(one.get().getClass().getName(), one));
    }

    static String of(Collection<?> value) {
        String name = value.getClass().getName();
        if (COLLECTIONS.containsKey(name)) {
            return name;
        }
        boolean isSet = value instanceof Set<?>;
        if (name.equals("java.util.Arrays$ArrayList")) {
            return FIXED;
        }
        if (isFrozen(name) && !(value instanceof SortedSet<?>)) {
            return isSet ? FROZEN_SET : FROZEN_LIST;
        }
        if (value instanceof EnumSet<?>) {
            return ENUM_SET;
        }
        if (value instanceof SortedSet<?>) {
            return TreeSet.class.getName();
        }
        if (isSet) {
            return LinkedHashSet.class.getName();
        }
        return (value instanceof Queue<?> ? LinkedList.class : ArrayList.class).getName();
    }

    static String of(Map<?, ?> value) {
        String name = value.getClass().getName();
        if (MAPS.containsKey(name) || name.equals(ENUM_MAP)) {
            return name;
        }
        if (value instanceof SortedMap<?, ?>) {
            return TreeMap.class.getName();
        }
        return isFrozen(name) ? FROZEN_MAP : LinkedHashMap.class.getName();
    }

    private static boolean isFrozen(String name) {
        return name.startsWith("java.util.ImmutableCollections$")
                || name.startsWith("java.util.Collections$Unmodifiable")
                || name.startsWith("java.util.Collections$Empty")
                || name.startsWith("java.util.Collections$Singleton")
                || name.startsWith("java.util.Collections$CopiesList");
    }

    /** An empty collection; null: its kind is made when its elements are there. */
    static Collection<Object> collection(String kind, Comparator<Object> order) {
        if (order != null) {
            return switch (kind) {
                case "java.util.concurrent.ConcurrentSkipListSet" -> new ConcurrentSkipListSet<>(order);
                case "java.util.PriorityQueue" -> new PriorityQueue<>(order);
                default -> new TreeSet<>(order);
            };
        }
        Supplier<Collection<Object>> found = COLLECTIONS.get(kind);
        return found == null ? null : found.get();
    }

    /** An empty map; null: its kind is made when its entries are there. */
    static Map<Object, Object> map(String kind, Comparator<Object> order) {
        if (order != null) {
            boolean isTree = kind.equals(TreeMap.class.getName());
            return isTree ? new TreeMap<>(order) : new ConcurrentSkipListMap<>(order);
        }
        Supplier<Map<Object, Object>> found = MAPS.get(kind);
        return found == null ? null : found.get();
    }

    /** A collection of a kind that is made of its elements; null: there is no such kind. */
    static Collection<Object> made(String kind, List<Object> items) {
        return switch (kind) {
            case FIXED -> Arrays.asList(items.toArray());
            case FROZEN_LIST -> Collections.unmodifiableList(items);
            case FROZEN_SET -> Collections.unmodifiableSet(new LinkedHashSet<>(items));
            case ENUM_SET -> items.isEmpty() ? new LinkedHashSet<>() : enumSet(items);
            default -> null;
        };
    }

    static Map<Object, Object> made(String kind, Map<Object, Object> entries) {
        return switch (kind) {
            case FROZEN_MAP -> Collections.unmodifiableMap(entries);
            case ENUM_MAP -> entries.isEmpty() ? entries : enumMap(entries);
            default -> null;
        };
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Collection<Object> enumSet(List<Object> items) {
        return (Collection) EnumSet.copyOf((Collection) items);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Map<Object, Object> enumMap(Map<Object, Object> entries) {
        return new EnumMap((Map) entries);
    }

    /** Elements of a collection in the order in which they leave it. */
    static List<Object> items(Collection<?> value) {
        if (value.getClass() != PriorityQueue.class) {
            return new ArrayList<>(value);
        }
        List<Object> out = new ArrayList<>(value.size());
        for (PriorityQueue<?> copy = new PriorityQueue<>(value); !copy.isEmpty();) {
            out.add(copy.poll());
        }
        return out;
    }

    /** The order of a sorted collection or map; null: the natural one, or none. */
    static Comparator<?> order(Object value) {
        if (value instanceof SortedSet<?> set) {
            return set.comparator();
        }
        if (value instanceof SortedMap<?, ?> map) {
            return map.comparator();
        }
        return value instanceof PriorityQueue<?> queue ? queue.comparator() : null;
    }

    /** The order of a list; what is not in it comes after all that is, in its natural order. */
    static final class Listed implements Comparator<Object> {
        private final Map<Object, Integer> places = new HashMap<>();
        private final List<Object> items;

        /** The order of a list that may grow until it is settled. */
        Listed(List<Object> items) {
            this.items = items;
        }

        void settle() {
            for (Object item : items) {
                places.putIfAbsent(item, places.size());
            }
        }

        @Override
        @SuppressWarnings("unchecked")
        public int compare(Object one, Object other) {
            int first = places.getOrDefault(one, Integer.MAX_VALUE);
            int second = places.getOrDefault(other, Integer.MAX_VALUE);
            if (first != second || first != Integer.MAX_VALUE) {
                return Integer.compare(first, second);
            }
            if (one instanceof Comparable<?> left && one.getClass() == other.getClass()) {
                return ((Comparable<Object>) left).compareTo(other);
            }
            return one.equals(other) ? 0 : Integer.compare(one.hashCode(), other.hashCode());
        }
    }
}
