import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Objects of classes that both sides have, by their fields. */
final class PlumbObjects {
    /** An instance without a constructor's having run. */
    static Object blank(Class<?> type) {
        if (Modifier.isAbstract(type.getModifiers())) {
            throw new IllegalArgumentException(type.getName() + " has no instances");
        }
        try {
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            Field instance = unsafe.getDeclaredField("theUnsafe");
            instance.setAccessible(true);
            return unsafe.getMethod("allocateInstance", Class.class).invoke(instance.get(null), type);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(error.toString());
        }
    }

    static Object ofRecord(Class<?> type, Map<String, Object> values) {
        RecordComponent[] parts = type.getRecordComponents();
        Class<?>[] types = new Class<?>[parts.length];
        Object[] arguments = new Object[parts.length];
        for (int i = 0; i < parts.length; i++) {
            types[i] = parts[i].getType();
            arguments[i] = values.get(parts[i].getName());
        }
        try {
            Constructor<?> made = type.getDeclaredConstructor(types);
            made.setAccessible(true);
            return made.newInstance(arguments);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(error.toString());
        }
    }

    static void fill(Object value, Map<String, Object> fields) {
        for (Field field : PlumbWriter.fields(value.getClass())) {
            if (!fields.containsKey(field.getName())) {
                throw new IllegalArgumentException(
                        value.getClass().getName() + " has no field " + field.getName() + " elsewhere");
            }
            try {
                Object now = fields.get(field.getName());
                Object before = field.get(value);
                if (before != now && (before == null || !field.getType().isPrimitive() || !before.equals(now))) {
                    field.set(value, now);
                }
            } catch (IllegalAccessException error) {
                throw new IllegalArgumentException(error.toString());
            }
        }
    }

    static void change(Object value, String text) {
        if (value instanceof StringBuilder builder) {
            builder.setLength(0);
            builder.append(text);
        } else if (value instanceof StringBuffer buffer) {
            buffer.setLength(0);
            buffer.append(text);
        } else if (value instanceof AtomicInteger number) {
            number.set(Integer.parseInt(text));
        } else if (value instanceof AtomicLong number) {
            number.set(Long.parseLong(text));
        } else if (value instanceof AtomicBoolean flag) {
            flag.set(Boolean.parseBoolean(text));
        } else {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " does not change");
        }
    }
}
