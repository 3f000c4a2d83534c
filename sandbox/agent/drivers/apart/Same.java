import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Objects;

/** When two objects of a program are equal for a test: by their own word, and by what they hold. */
final class PlumbSame {
    private static final int MOST_DEPTH = 64;

    static boolean equal(Object one, Object other) throws IllegalAccessException {
        return one == other || (one.equals(other) && holdSame(one, other, 0));
    }

    private static boolean holdSame(Object one, Object other, int depth) throws IllegalAccessException {
        if (one == other || depth > MOST_DEPTH) {
            return true;
        }
        if (one == null || other == null) {
            return false;
        }
        boolean isPlatforms = one.getClass().getClassLoader() == null;
        if (one.getClass().isArray() && one.getClass() == other.getClass()) {
            int length = Array.getLength(one);
            boolean isSame = length == Array.getLength(other);
            for (int i = 0; isSame && i < length; i++) {
                isSame = holdSame(Array.get(one, i), Array.get(other, i), depth + 1);
            }
            return isSame;
        }
        if (isPlatforms || one instanceof Enum<?>) {
            return Objects.equals(one, other);
        }
        if (one.getClass() != other.getClass()) {
            return false;
        }
        for (Field field : PlumbWriter.fields(one.getClass())) {
            boolean isKept = !Modifier.isTransient(field.getModifiers());
            if (isKept && !holdSame(field.get(one), field.get(other), depth + 1)) {
                return false;
            }
        }
        return true;
    }
}
