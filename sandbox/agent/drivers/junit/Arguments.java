import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.BaseStream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EmptySource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullAndEmptySource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The arguments that a parameterized test is called with. */
final class PlumbArguments {
    static List<Object[]> of(Method test, Class<?> type, Object kept) throws Throwable {
        List<Object[]> found = new ArrayList<>();
        boolean isBoth = test.isAnnotationPresent(NullAndEmptySource.class);
        Class<?> first = test.getParameterCount() == 0 ? Object.class : test.getParameterTypes()[0];
        if (isBoth || test.isAnnotationPresent(NullSource.class)) {
            found.add(new Object[] {null});
        }
        if (isBoth || test.isAnnotationPresent(EmptySource.class)) {
            found.add(new Object[] {empty(first)});
        }
        if (test.isAnnotationPresent(ValueSource.class)) {
            values(test.getAnnotation(ValueSource.class), found);
        }
        if (test.isAnnotationPresent(CsvSource.class)) {
            lines(test.getAnnotation(CsvSource.class), found);
        }
        if (test.isAnnotationPresent(EnumSource.class)) {
            Class<?> wanted = test.getAnnotation(EnumSource.class).value();
            for (Object one : (wanted == Void.class ? first : wanted).getEnumConstants()) {
                found.add(new Object[] {one});
            }
        }
        if (test.isAnnotationPresent(MethodSource.class)) {
            String[] names = test.getAnnotation(MethodSource.class).value();
            for (String name : names.length == 0 ? new String[] {test.getName()} : names) {
                made(type, name, kept, found);
            }
        }
        if (found.isEmpty()) {
            throw new AssertionError("there are no arguments for " + test.getName());
        }
        found.replaceAll(one -> fitted(one, test.getParameterTypes()));
        return found;
    }

    private static Object empty(Class<?> type) {
        if (type.isArray()) {
            return Array.newInstance(type.getComponentType(), 0);
        }
        if (type == String.class) {
            return "";
        }
        return java.util.Map.class.isAssignableFrom(type) ? new java.util.HashMap<>()
                : java.util.Set.class.isAssignableFrom(type) ? new java.util.HashSet<>() : new ArrayList<>();
    }

    private static void values(ValueSource source, List<Object[]> found) {
        for (Object array : new Object[] {
            source.ints(), source.longs(), source.doubles(), source.floats(), source.shorts(),
            source.bytes(), source.chars(), source.booleans(), source.strings(), source.classes(),
        }) {
            for (int i = 0; i < Array.getLength(array); i++) {
                found.add(new Object[] {Array.get(array, i)});
            }
        }
    }

    private static void lines(CsvSource source, List<Object[]> found) {
        List<String> lines = new ArrayList<>(Arrays.asList(source.value()));
        source.textBlock().lines().filter(line -> !line.isBlank()).forEach(lines::add);
        for (String line : lines) {
            found.add(cells(line, source).toArray());
        }
    }

    /** A cell in single quotes may hold anything; one without any text is null. */
    private static List<Object> cells(String line, CsvSource source) {
        List<Object> out = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean isQuoted = false;
        boolean wasQuoted = false;
        for (int i = 0; i <= line.length(); i++) {
            char c = i < line.length() ? line.charAt(i) : source.delimiter();
            if (c == '\'') {
                boolean isDoubled = isQuoted && i + 1 < line.length() && line.charAt(i + 1) == '\'';
                if (isDoubled) {
                    cell.append(c);
                    i++;
                } else {
                    isQuoted = !isQuoted;
                    wasQuoted = true;
                }
            } else if (c == source.delimiter() && (!isQuoted || i == line.length())) {
                String text = wasQuoted ? cell.toString() : cell.toString().strip();
                boolean isNull = (text.isEmpty() && !wasQuoted)
                        || Arrays.asList(source.nullValues()).contains(text);
                out.add(isNull ? null : text);
                cell.setLength(0);
                wasQuoted = false;
            } else if (isQuoted || !wasQuoted) {
                cell.append(c);
            }
            if (wasQuoted && !isQuoted && cell.toString().isBlank()) {
                cell.setLength(0);
            }
        }
        return out;
    }

    private static void made(Class<?> type, String name, Object kept, List<Object[]> found) throws Throwable {
        for (Method method : type.getDeclaredMethods()) {
            if (!method.getName().equals(name) || method.getParameterCount() > 0) {
                continue;
            }
            method.setAccessible(true);
            Object all = method.invoke(Modifier.isStatic(method.getModifiers()) ? null : kept);
            Object[] items = all instanceof BaseStream<?, ?> stream ? items(stream)
                    : all instanceof Collection<?> some ? some.toArray() : (Object[]) all;
            for (Object item : items) {
                boolean isMany = item instanceof Object[];
                found.add(item instanceof Arguments some ? some.get()
                        : isMany ? (Object[]) item : new Object[] {item});
            }
        }
    }

    private static Object[] items(BaseStream<?, ?> stream) {
        List<Object> out = new ArrayList<>();
        stream.iterator().forEachRemaining(out::add);
        return out.toArray();
    }

    private static Object[] fitted(Object[] values, Class<?>[] types) {
        Object[] out = Arrays.copyOf(values, types.length);
        for (int i = 0; i < out.length; i++) {
            if (out[i] instanceof String text && types[i] != String.class) {
                out[i] = read(text, types[i]);
            }
        }
        return out;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object read(String text, Class<?> type) {
        if (type == int.class || type == Integer.class) {
            return Integer.decode(text);
        }
        if (type == long.class || type == Long.class) {
            return Long.decode(text);
        }
        if (type == double.class || type == Double.class) {
            return Double.valueOf(text);
        }
        if (type == float.class || type == Float.class) {
            return Float.valueOf(text);
        }
        if (type == short.class || type == Short.class) {
            return Short.decode(text);
        }
        if (type == byte.class || type == Byte.class) {
            return Byte.decode(text);
        }
        if (type == boolean.class || type == Boolean.class) {
            return Boolean.valueOf(text);
        }
        if (type == char.class || type == Character.class) {
            return text.charAt(0);
        }
        if (type == java.math.BigInteger.class) {
            return new java.math.BigInteger(text);
        }
        if (type == java.math.BigDecimal.class) {
            return new java.math.BigDecimal(text);
        }
        return type.isEnum() ? Enum.valueOf((Class<? extends Enum>) type, text) : text;
    }
}
