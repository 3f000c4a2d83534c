import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Stack;
import java.util.TreeMap;
import java.util.TreeSet;

/** Values of JSON as the types of parameters. */
final class PlumbConvert {
    /** How many values had to become another type, which tells overloads apart. */
    int changes;

    Object to(Object value, Type type) {
        if (type instanceof TypeVariable<?> variable) {
            return to(value, variable.getBounds()[0]);
        }
        if (type instanceof WildcardType wildcard) {
            Type[] lower = wildcard.getLowerBounds();
            return to(value, lower.length > 0 ? lower[0] : wildcard.getUpperBounds()[0]);
        }
        if (type instanceof GenericArrayType array) {
            return array(value, raw(array.getGenericComponentType()), array.getGenericComponentType());
        }
        Class<?> wanted = raw(type);
        if (wanted.isArray()) {
            return array(value, wanted.getComponentType(), wanted.getComponentType());
        }
        Type[] inner = {Object.class, Object.class};
        if (type instanceof ParameterizedType parameterized) {
            inner = parameterized.getActualTypeArguments();
        }
        if (wanted == Optional.class) {
            return Optional.ofNullable(to(value, inner[0]));
        }
        if (value == null && !wanted.isPrimitive()) {
            return null;
        }
        if (value instanceof List<?> list && Iterable.class.isAssignableFrom(wanted)) {
            Collection<Object> out = collection(wanted);
            for (Object item : list) {
                out.add(to(item, inner[0]));
            }
            return out;
        }
        if (value instanceof Map<?, ?> map && Map.class.isAssignableFrom(wanted)) {
            return map(map, wanted, inner);
        }
        if (value instanceof Map<?, ?> map && wanted.isRecord()) {
            return record(map, wanted);
        }
        return scalar(value, wanted);
    }

    /** A record of an object with its components' names as keys. */
    private Object record(Map<?, ?> from, Class<?> wanted) {
        RecordComponent[] parts = wanted.getRecordComponents();
        Class<?>[] types = new Class<?>[parts.length];
        Object[] values = new Object[parts.length];
        for (int i = 0; i < parts.length; i++) {
            if (parts.length != from.size() || !from.containsKey(parts[i].getName())) {
                throw misfit(from, wanted.getSimpleName());
            }
            types[i] = parts[i].getType();
            values[i] = to(from.get(parts[i].getName()), parts[i].getGenericType());
        }
        try {
            Constructor<?> made = wanted.getDeclaredConstructor(types);
            made.setAccessible(true);
            return made.newInstance(values);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(wanted.getSimpleName() + " cannot be made: " + error);
        }
    }

    private static Class<?> raw(Type type) {
        if (type instanceof Class<?> found) {
            return found;
        }
        if (type instanceof ParameterizedType found) {
            return (Class<?>) found.getRawType();
        }
        if (type instanceof GenericArrayType found) {
            return Array.newInstance(raw(found.getGenericComponentType()), 0).getClass();
        }
        return type instanceof TypeVariable<?> found ? raw(found.getBounds()[0]) : Object.class;
    }

    private Object array(Object value, Class<?> component, Type item) {
        if (value == null) {
            return null;
        }
        if (value instanceof String text && component == char.class) {
            changes++;
            return text.toCharArray();
        }
        if (!(value instanceof List<?> list)) {
            throw misfit(value, "an array");
        }
        Object out = Array.newInstance(component, list.size());
        int i = 0;
        for (Object one : list) {
            Array.set(out, i++, to(one, item));
        }
        return out;
    }

    private static Collection<Object> collection(Class<?> wanted) {
        Collection<?>[] known = {
            new ArrayList<>(), new LinkedList<>(), new LinkedHashSet<>(), new TreeSet<>(),
            new HashSet<>(), new ArrayDeque<>(), new PriorityQueue<>(), new Stack<>(),
        };
        for (Collection<?> one : known) {
            if (wanted == one.getClass()) {
                return cast(one);
            }
        }
        for (Collection<?> one : known) {
            if (wanted.isInstance(one)) {
                return cast(one);
            }
        }
        throw new IllegalArgumentException("there is no way to make a " + wanted.getSimpleName());
    }

    @SuppressWarnings("unchecked")
    private static Collection<Object> cast(Collection<?> one) {
        return (Collection<Object>) one;
    }

    private Object map(Map<?, ?> from, Class<?> wanted, Type[] inner) {
        Map<Object, Object> out;
        if (wanted == HashMap.class) {
            out = new HashMap<>();
        } else if (wanted.isAssignableFrom(LinkedHashMap.class)) {
            out = new LinkedHashMap<>();
        } else if (wanted.isAssignableFrom(TreeMap.class)) {
            out = new TreeMap<>();
        } else {
            throw misfit(from, wanted.getSimpleName());
        }
        for (Map.Entry<?, ?> entry : from.entrySet()) {
            out.put(key((String) entry.getKey(), inner[0]), to(entry.getValue(), inner[1]));
        }
        return out;
    }

    /** A key is text in JSON, whatever it is in Java. */
    private Object key(String text, Type type) {
        Class<?> wanted = raw(type);
        boolean isText = wanted.isAssignableFrom(String.class) || wanted == Character.class;
        try {
            return to(isText ? text : new PlumbJson(text).read(), type);
        } catch (RuntimeException error) {
            throw misfit(text, wanted.getSimpleName());
        }
    }

    private Object scalar(Object value, Class<?> wanted) {
        if (value instanceof String text && (wanted == char.class || wanted == Character.class)) {
            if (text.length() == 1) {
                changes++;
                return text.charAt(0);
            }
            throw misfit(value, "a char");
        }
        if (value instanceof Boolean && wanted == boolean.class) {
            return value;
        }
        if (value instanceof Number number && (wanted.isPrimitive() || Number.class.isAssignableFrom(wanted))) {
            return number(number, wanted);
        }
        if (value != null && wanted.isInstance(value)) {
            changes += wanted == value.getClass() ? 0 : 2;
            return value;
        }
        throw misfit(value, wanted.getSimpleName());
    }

    private Object number(Number value, Class<?> wanted) {
        if (wanted == Number.class) {
            changes += 2;
            return value;
        }
        boolean isWhole = !(value instanceof Double);
        if (wanted == double.class || wanted == Double.class) {
            changes += isWhole ? 1 : 0;
            return value.doubleValue();
        }
        if (wanted == float.class || wanted == Float.class) {
            changes += 1;
            return value.floatValue();
        }
        if (wanted == BigDecimal.class) {
            changes += 2;
            return new BigDecimal(value.toString());
        }
        BigInteger whole;
        try {
            whole = new BigDecimal(value.toString()).toBigIntegerExact();
        } catch (ArithmeticException | NumberFormatException error) {
            throw misfit(value, wanted.getSimpleName());
        }
        changes += isWhole ? 0 : 1;
        try {
            if (wanted == int.class || wanted == Integer.class) {
                return whole.intValueExact();
            }
            if (wanted == long.class || wanted == Long.class) {
                changes += value instanceof Integer ? 1 : 0;
                return whole.longValueExact();
            }
            if (wanted == short.class || wanted == Short.class) {
                changes += 1;
                return whole.shortValueExact();
            }
            if (wanted == byte.class || wanted == Byte.class) {
                changes += 1;
                return whole.byteValueExact();
            }
        } catch (ArithmeticException error) {
            throw misfit(value, wanted.getSimpleName());
        }
        if (wanted == BigInteger.class) {
            changes += 2;
            return whole;
        }
        throw misfit(value, wanted.getSimpleName());
    }

    private static IllegalArgumentException misfit(Object value, String wanted) {
        String text = String.valueOf(value);
        String shown = text.substring(0, Math.min(text.length(), 60));
        return new IllegalArgumentException(shown + " does not fit " + wanted);
    }
}
