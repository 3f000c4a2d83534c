import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/** Methods and constructors by what they are called and take. */
final class PlumbMethods {
    private final Map<String, Executable> known = new HashMap<>();

    /** The erased types of parameters, as one word. */
    static String parameters(Executable of) {
        StringBuilder out = new StringBuilder();
        for (Class<?> type : of.getParameterTypes()) {
            out.append(type.getName()).append(';');
        }
        return out.toString();
    }

    Method method(Class<?> owner, String name, String parameters) throws NoSuchMethodException {
        String key = owner.getName() + " " + name + " " + parameters;
        Executable found = known.get(key);
        if (found == null) {
            found = find(owner, name, parameters);
            if (found == null) {
                throw new NoSuchMethodException(key);
            }
            known.put(key, found);
        }
        return (Method) found;
    }

    private static Method find(Class<?> owner, String name, String parameters) {
        for (Method one : owner.getDeclaredMethods()) {
            if (one.getName().equals(name) && !one.isBridge() && parameters(one).equals(parameters)) {
                if (!owner.getName().startsWith("java.")) {
                    one.setAccessible(true);
                }
                return one;
            }
        }
        Method found = owner.getSuperclass() == null ? null : find(owner.getSuperclass(), name, parameters);
        for (Class<?> one : owner.getInterfaces()) {
            found = found == null ? find(one, name, parameters) : found;
        }
        return found;
    }

    Constructor<?> constructor(Class<?> owner, String parameters) throws NoSuchMethodException {
        String key = owner.getName() + " " + parameters;
        Executable found = known.get(key);
        for (Constructor<?> one : found == null ? owner.getDeclaredConstructors() : new Constructor<?>[0]) {
            if (parameters(one).equals(parameters)) {
                one.setAccessible(true);
                found = one;
                known.put(key, one);
            }
        }
        if (found == null) {
            throw new NoSuchMethodException(key);
        }
        return (Constructor<?>) found;
    }
}
