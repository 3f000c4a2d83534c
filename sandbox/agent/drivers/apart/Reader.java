import java.io.DataInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Values from what {@link PlumbWriter} wrote, or somebody who pretends to be it.
 *
 * <p>Guarantee: what comes out is made of classes of the platform, rebuilt here, of classes that the
 * test knows and of things that stand for objects of the other side. The bytes are there already:
 * nothing larger than they are is made, and nothing deeper than MOST_DEPTH. Raises
 * IllegalArgumentException, IOException or ClassCastException for bytes that mean nothing.
 */
final class PlumbReader {
    private static final int MOST_INTERNED = 256;
    private final ByteArrayInputStream bytes;
    private final DataInputStream in;
    private final PlumbSide side;
    private final PlumbTable table;
    private int depth;

    PlumbReader(byte[] data, PlumbSide side, PlumbTable table) {
        this.bytes = new ByteArrayInputStream(data);
        this.in = new DataInputStream(bytes);
        this.side = side;
        this.table = table;
    }

    char tag() throws IOException {
        return (char) in.readUnsignedByte();
    }

    /** How many things of at least so many bytes follow. */
    int count(int size) throws IOException {
        int number = in.readInt();
        if (number < 0 || (long) number * size > bytes.available()) {
            throw new IllegalArgumentException("more values than bytes");
        }
        return number;
    }

    int number() throws IOException {
        return in.readInt();
    }

    byte[] data() throws IOException {
        return in.readNBytes(count(1));
    }

    String text() throws IOException {
        return ByteBuffer.wrap(data()).asCharBuffer().toString();
    }

    Object[] values() throws IOException {
        Object[] out = new Object[count(1)];
        for (int i = 0; i < out.length; i++) {
            out[i] = value();
        }
        return out;
    }

    private String[] texts() throws IOException {
        String[] out = new String[count(4)];
        for (int i = 0; i < out.length; i++) {
            out[i] = text();
        }
        return out;
    }

    Object value() throws IOException {
        if (++depth > PlumbWriter.MOST_DEPTH) {
            throw new IllegalArgumentException("values are nested too deeply");
        }
        Object out = value(tag());
        depth--;
        return out;
    }

    private Object value(char tag) throws IOException {
        switch (tag) {
            case 'N': return null;
            case 'I': return in.readInt();
            case 'T':
                String text = text();
                return text.length() > MOST_INTERNED ? text : text.intern();
            case 'J': return in.readLong();
            case 'D': return in.readDouble();
            case '0': return false;
            case '1': return true;
            case 'C': return in.readChar();
            case 'B': return in.readByte();
            case 'S': return in.readShort();
            case 'F': return in.readFloat();
            case 'X': return table.objects.get(in.readInt());
            case 'Y': return side.mine(in.readInt());
            default: return small(tag);
        }
    }

    private Object small(char tag) throws IOException {
        switch (tag) {
            case 'G': return constant(text(), text());
            case 'b': return new BigInteger(text());
            case 'd': return new BigDecimal(text());
            case 'O': return Optional.ofNullable(value());
            case 'o': return optional(value());
            case 'K':
                Class<?> type = side.type(text());
                return type == null ? Object.class : type;
            case 'P': return PlumbParsed.value(text(), text());
            case 'W':
                int number = in.readInt();
                return side.thrown(number, texts(), (String) value(), (Throwable) value());
            case 'z': return side.deserialized(data());
            case 'H': return side.standIn(in.readInt(), texts());
            default: return container(tag);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private Object constant(String type, String name) {
        Class<?> found = side.type(type);
        if (found == null || !found.isEnum()) {
            throw new IllegalArgumentException("there is no enumeration " + type);
        }
        return Enum.valueOf((Class<? extends Enum>) found, name);
    }

    private static Object optional(Object value) {
        if (value instanceof Integer number) {
            return OptionalInt.of(number);
        }
        if (value instanceof Long number) {
            return OptionalLong.of(number);
        }
        if (value instanceof Double number) {
            return OptionalDouble.of(number);
        }
        if (value == Integer.class) {
            return OptionalInt.empty();
        }
        return value == Long.class ? OptionalLong.empty() : OptionalDouble.empty();
    }

    private Object container(char tag) throws IOException {
        switch (tag) {
            case 'A': return array();
            case 'L': return collection(text());
            case 'M': return map(text());
            case 'E':
                int number = table.add(null);
                Object key = value();
                table.fill(number, new AbstractMap.SimpleEntry<>(key, value()));
                return table.objects.get(number);
            case 'U':
                Object out = changeable(text());
                table.add(out);
                update(out);
                return out;
            case 'V': return shared(text());
            default: throw new IllegalArgumentException("no value begins with " + (int) tag);
        }
    }

    private static Object changeable(String type) {
        return switch (type) {
            case "java.lang.StringBuilder" -> new StringBuilder();
            case "java.lang.StringBuffer" -> new StringBuffer();
            case "java.util.concurrent.atomic.AtomicInteger" -> new AtomicInteger();
            case "java.util.concurrent.atomic.AtomicLong" -> new AtomicLong();
            case "java.util.concurrent.atomic.AtomicBoolean" -> new AtomicBoolean();
            case "java.util.BitSet" -> new BitSet();
            default -> throw new IllegalArgumentException("no value is a " + type);
        };
    }

    private Object array() throws IOException {
        Class<?> component = component(texts());
        Object out = Array.newInstance(component, count(component == int.class ? 4 : 1));
        table.add(out);
        elements(out);
        return out;
    }

    /** The first of these types that there is here. */
    private Class<?> component(String[] names) {
        for (String name : names) {
            Class<?> found = component(name);
            if (found != null && found != java.io.Serializable.class && found != void.class) {
                return found;
            }
        }
        return Object.class;
    }

    private Class<?> component(String name) {
        return switch (name) {
            case "int" -> int.class;
            case "long" -> long.class;
            case "double" -> double.class;
            case "float" -> float.class;
            case "char" -> char.class;
            case "byte" -> byte.class;
            case "short" -> short.class;
            case "boolean" -> boolean.class;
            default -> side.type(name);
        };
    }

    private void elements(Object array) throws IOException {
        int length = Array.getLength(array);
        if (array instanceof int[] numbers) {
            for (int i = 0; i < length; i++) {
                numbers[i] = in.readInt();
            }
        } else if (array instanceof byte[] numbers) {
            in.readFully(numbers);
        } else {
            for (int i = 0; i < length; i++) {
                Array.set(array, i, value());
            }
        }
    }

    /** An order that is rebuilt here; what a test holds is never ordered by the program's code. */
    @SuppressWarnings("unchecked")
    private Comparator<Object> order(List<Object> later) throws IOException {
        switch (tag()) {
            case 'n': return null;
            case 'r': return Collections.reverseOrder();
            default:
                Object order = value();
                if (order != null && side.isTest()) {
                    throw new IllegalArgumentException("a program cannot hand over an order");
                }
                return order == null ? new PlumbKinds.Listed(later) : (Comparator<Object>) order;
        }
    }

    private Object collection(String kind) throws IOException {
        List<Object> items = new ArrayList<>();
        Comparator<Object> order = order(items);
        Collection<Object> out = PlumbKinds.collection(kind, order);
        int number = table.add(out);
        if (out != null && !(order instanceof PlumbKinds.Listed)) {
            for (int left = count(1); left > 0; left--) {
                out.add(value());
            }
            return out;
        }
        Collections.addAll(items, values());
        if (out == null) {
            out = PlumbKinds.made(kind, items);
            if (out == null) {
                throw new IllegalArgumentException("there is no collection " + kind);
            }
            table.fill(number, out);
        } else {
            ((PlumbKinds.Listed) order).settle();
            out.addAll(items);
        }
        return out;
    }

    private Object map(String kind) throws IOException {
        List<Object> keys = new ArrayList<>();
        Comparator<Object> order = order(keys);
        Map<Object, Object> out = PlumbKinds.map(kind, order);
        int number = table.add(out);
        if (out != null && !(order instanceof PlumbKinds.Listed)) {
            entries(out);
            return out;
        }
        Map<Object, Object> entries = entries(new LinkedHashMap<>());
        if (out != null) {
            keys.addAll(entries.keySet());
            ((PlumbKinds.Listed) order).settle();
            out.putAll(entries);
            return out;
        }
        out = PlumbKinds.made(kind, entries);
        if (out == null) {
            throw new IllegalArgumentException("there is no map " + kind);
        }
        table.fill(number, out);
        return out;
    }

    private Map<Object, Object> entries(Map<Object, Object> out) throws IOException {
        for (int left = count(2); left > 0; left--) {
            Object key = value();
            out.put(key, value());
        }
        return out;
    }

    private Object shared(String name) throws IOException {
        Class<?> type = side.type(name);
        if (type == null || !side.isShared(type)) {
            throw new IllegalArgumentException("the test has no class " + name);
        }
        int number = table.add(null);
        if (type.isRecord()) {
            Map<String, Object> values = fields();
            table.fill(number, PlumbObjects.ofRecord(type, values));
        } else {
            table.fill(number, PlumbObjects.blank(type));
            update(table.objects.get(number));
        }
        return table.objects.get(number);
    }

    private Map<String, Object> fields() throws IOException {
        Map<String, Object> out = new HashMap<>();
        for (int left = count(5); left > 0; left--) {
            String name = text();
            out.put(name, value());
        }
        return out;
    }

    /** Change a container of the table to what is written of it. */
    @SuppressWarnings("unchecked")
    void update(Object value) throws IOException {
        if (value.getClass().isArray()) {
            elements(value);
        } else if (value instanceof Collection<?> items) {
            List<Object> now = new ArrayList<>();
            Collections.addAll(now, values());
            replace((Collection<Object>) items, now);
        } else if (value instanceof Map<?, ?> map) {
            Map<Object, Object> now = entries(new LinkedHashMap<>());
            if (!map.equals(now) || !new ArrayList<>(map.keySet()).equals(new ArrayList<>(now.keySet()))) {
                map.clear();
                ((Map<Object, Object>) map).putAll(now);
            }
        } else if (value instanceof Map.Entry<?, ?> entry) {
            value();
            Object now = value();
            if (entry.getValue() != now) {
                ((Map.Entry<Object, Object>) entry).setValue(now);
            }
        } else if (value instanceof BitSet bits) {
            bits.clear();
            bits.or(BitSet.valueOf((long[]) value()));
        } else if (side.isShared(value.getClass())) {
            Map<String, Object> now = fields();
            if (!value.getClass().isRecord()) {
                PlumbObjects.fill(value, now);
            }
        } else {
            PlumbObjects.change(value, text());
        }
    }

    private static void replace(Collection<Object> items, List<Object> now) {
        List<Object> before = PlumbKinds.items(items);
        boolean isSame = before.size() == now.size();
        for (int i = 0; isSame && i < now.size(); i++) {
            isSame = before.get(i) == now.get(i)
                    || (before.get(i) != null && before.get(i).equals(now.get(i)));
        }
        if (isSame) {
            return;
        }
        if (items instanceof List<Object> list && list.size() == now.size()) {
            for (int i = 0; i < now.size(); i++) {
                list.set(i, now.get(i)); // works for lists of a fixed size too
            }
            return;
        }
        items.clear();
        items.addAll(now);
    }
}
