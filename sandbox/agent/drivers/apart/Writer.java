import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Values as bytes; {@link PlumbReader} reads them. */
final class PlumbWriter {
    static final int MOST_DEPTH = 1000;
    static final int MOST_BYTES = 64 << 20;
    private static final int MOST_CAUSES = 8;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);
    private final PlumbSide side;
    private final PlumbTable table;
    private int depth;

    PlumbWriter(PlumbSide side, PlumbTable table) {
        this.side = side;
        this.table = table;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    void tag(char tag) throws IOException {
        room(1);
        out.writeByte(tag);
    }

    private void room(long more) {
        if (bytes.size() + more > MOST_BYTES) {
            throw new IllegalArgumentException("more than " + (MOST_BYTES >> 20) + " MiB of values");
        }
    }

    void count(int number) throws IOException {
        out.writeInt(number);
    }

    void text(String text) throws IOException {
        ByteBuffer chars = ByteBuffer.allocate(2 * text.length());
        chars.asCharBuffer().put(text); // lone surrogates included, which no charset writes
        data(chars.array());
    }

    void data(byte[] data) throws IOException {
        room(data.length);
        out.writeInt(data.length);
        out.write(data);
    }

    void values(Object[] values) throws IOException {
        count(values.length);
        for (Object value : values) {
            value(value);
        }
    }

    void value(Object value) throws IOException {
        if (++depth > MOST_DEPTH) {
            throw new IllegalArgumentException("values are nested too deeply");
        }
        if (!plain(value) && !known(value) && !small(value) && !container(value)) {
            other(value);
        }
        depth--;
    }

    private boolean plain(Object value) throws IOException {
        if (value == null) {
            tag('N');
        } else if (value instanceof Integer number) {
            tag('I');
            out.writeInt(number);
        } else if (value instanceof String text) {
            tag('T');
            text(text);
        } else if (value instanceof Long number) {
            tag('J');
            out.writeLong(number);
        } else if (value instanceof Double number) {
            tag('D');
            out.writeDouble(number);
        } else if (value instanceof Boolean flag) {
            tag(flag ? '1' : '0');
        } else if (value instanceof Character letter) {
            tag('C');
            out.writeChar(letter);
        } else if (value instanceof Byte number) {
            tag('B');
            out.writeByte(number);
        } else if (value instanceof Short number) {
            tag('S');
            out.writeShort(number);
        } else if (value instanceof Float number) {
            tag('F');
            out.writeFloat(number);
        } else {
            return false;
        }
        return true;
    }

    /** What the other side has, or knows already. */
    private boolean known(Object value) throws IOException {
        int number = table.find(value);
        if (number >= 0) {
            tag('X');
            count(number);
            return true;
        }
        number = side.yours(value);
        if (number >= 0) {
            tag('Y');
            count(number);
            return true;
        }
        if (side.staysBehind(value)) {
            other(value);
            return true;
        }
        return false;
    }

    /** Values of several parts that nobody changes in place. */
    private boolean small(Object value) throws IOException {
        if (value instanceof Enum<?> constant) {
            tag('G');
            text(constant.getDeclaringClass().getName());
            text(constant.name());
        } else if (value.getClass() == BigInteger.class) {
            tag('b');
            text(value.toString());
        } else if (value.getClass() == BigDecimal.class) {
            tag('d');
            text(value.toString());
        } else if (value instanceof Optional<?> one) {
            tag('O');
            value(one.orElse(null));
        } else if (value instanceof OptionalInt one) {
            tag('o');
            value(one.isPresent() ? (Object) one.getAsInt() : Integer.class);
        } else if (value instanceof OptionalLong one) {
            tag('o');
            value(one.isPresent() ? (Object) one.getAsLong() : Long.class);
        } else if (value instanceof OptionalDouble one) {
            tag('o');
            value(one.isPresent() ? (Object) one.getAsDouble() : Double.class);
        } else if (value instanceof Class<?> type) {
            tag('K');
            text(type.getName());
        } else if (PlumbParsed.knows(value)) {
            tag('P');
            text(value.getClass().getName());
            text(PlumbParsed.text(value));
        } else if (value instanceof Throwable error) {
            throwable(error, 0);
        } else {
            return false;
        }
        return true;
    }

    private void throwable(Throwable error, int causes) throws IOException {
        tag('W');
        count(side.keep(error));
        List<String> names = new ArrayList<>();
        for (Class<?> at = error.getClass(); at != Object.class; at = at.getSuperclass()) {
            names.add(at.getName());
        }
        names(names);
        value(error.getMessage());
        Throwable cause = error.getCause();
        if (cause == null || causes == MOST_CAUSES || side.yours(cause) >= 0) {
            value(cause == null || causes == MOST_CAUSES ? null : cause);
        } else {
            throwable(cause, causes + 1);
        }
    }

    private boolean container(Object value) throws IOException {
        if (value.getClass().isArray()) {
            table.add(value);
            Class<?> component = value.getClass().getComponentType();
            tag('A');
            names(component.getClassLoader() == null ? List.of(component.getName()) : above(component));
            count(Array.getLength(value));
        } else if (value instanceof Collection<?> items) {
            table.add(value);
            tag('L');
            text(PlumbKinds.of(items));
            order(value);
        } else if (value instanceof Map<?, ?> map) {
            table.add(value);
            tag('M');
            text(PlumbKinds.of(map));
            order(value);
        } else if (value instanceof Map.Entry<?, ?>) {
            table.add(value);
            tag('E');
        } else if (value instanceof StringBuilder || value instanceof StringBuffer
                || value instanceof AtomicInteger || value instanceof AtomicLong
                || value instanceof AtomicBoolean || value.getClass() == BitSet.class) {
            table.add(value);
            tag('U');
            text(value.getClass().getName());
        } else if (side.isShared(value.getClass())) {
            table.add(value);
            tag('V');
            text(value.getClass().getName());
        } else {
            return false;
        }
        contents(value);
        return true;
    }

    private void order(Object value) throws IOException {
        Comparator<?> order = PlumbKinds.order(value);
        if (order == null) {
            tag('n');
        } else if (order == Collections.reverseOrder()) {
            tag('r');
        } else {
            tag('l');
            // The test's comparator goes along; the program's stays where it can decide nothing.
            value(side.isTest() ? order : null);
        }
    }

    /** What is in a container of the table. */
    void contents(Object value) throws IOException {
        if (value.getClass().isArray()) {
            array(value);
        } else if (value instanceof Collection<?> items) {
            values(PlumbKinds.items(items).toArray());
        } else if (value instanceof Map<?, ?> map) {
            count(map.size());
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                value(entry.getKey());
                value(entry.getValue());
            }
        } else if (value instanceof Map.Entry<?, ?> entry) {
            value(entry.getKey());
            value(entry.getValue());
        } else if (value instanceof BitSet bits) {
            value(bits.toLongArray());
        } else if (side.isShared(value.getClass())) {
            fields(value);
        } else {
            text(value.toString());
        }
    }

    private void array(Object value) throws IOException {
        if (value instanceof int[] numbers) {
            room(4L * numbers.length);
            for (int number : numbers) {
                out.writeInt(number);
            }
        } else if (value instanceof byte[] numbers) {
            room(numbers.length);
            out.write(numbers);
        } else {
            int length = Array.getLength(value);
            for (int i = 0; i < length; i++) {
                value(Array.get(value, i));
            }
        }
    }

    private void fields(Object value) throws IOException {
        List<Field> fields = fields(value.getClass());
        count(fields.size());
        for (Field field : fields) {
            text(field.getName());
            try {
                value(field.get(value));
            } catch (IllegalAccessException error) {
                throw new IllegalArgumentException(error.toString());
            }
        }
    }

    /** The instance's fields of a class, those of the classes above it included. */
    static List<Field> fields(Class<?> type) {
        List<Field> found = new ArrayList<>();
        for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !field.isSynthetic()) {
                    field.setAccessible(true);
                    found.add(field);
                }
            }
        }
        return found;
    }

    private void other(Object value) throws IOException {
        byte[] data = side.serialized(value);
        if (data != null) {
            tag('z');
            data(data);
            return;
        }
        tag('H');
        count(side.keep(value));
        names(above(value.getClass()));
    }

    /** A class, those above it, and their interfaces. */
    private static List<String> above(Class<?> type) {
        List<String> names = new ArrayList<>();
        for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
            names.add(at.getName());
        }
        if (type.isInterface()) {
            interfaces(type, names);
        }
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            interfaces(at, names);
        }
        return names;
    }

    private static void interfaces(Class<?> type, List<String> names) {
        for (Class<?> one : type.getInterfaces()) {
            if (!names.contains(one.getName())) {
                names.add(one.getName());
                interfaces(one, names);
            }
        }
    }

    private void names(List<String> names) throws IOException {
        count(names.size());
        for (String name : names) {
            text(name);
        }
    }
}
