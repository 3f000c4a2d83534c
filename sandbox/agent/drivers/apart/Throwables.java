import java.lang.reflect.Constructor;

/** Exceptions of the other side as exceptions of this one. */
final class PlumbThrowables {
    /** One of the first of these classes that there is here. */
    static Throwable like(PlumbSide side, int number, String[] types, String message, Throwable cause) {
        for (String name : types) {
            Class<?> type = side.type(name);
            if (type == null || !Throwable.class.isAssignableFrom(type)) {
                continue;
            }
            Throwable made = PlumbStub.class.isAssignableFrom(type)
                    ? (Throwable) side.standIn(number, new String[] {name})
                    : made(type, message);
            if (made != null) {
                if (cause != null && made.getCause() == null) {
                    try {
                        made.initCause(cause);
                    } catch (IllegalStateException error) {
                        return made; // its constructor has said that there is none
                    }
                }
                return made;
            }
        }
        return new RuntimeException(message);
    }

    private static Throwable made(Class<?> type, String message) {
        for (Class<?>[] parameters : new Class<?>[][] {
            {String.class}, {Object.class}, {String.class, Throwable.class}, {},
        }) {
            try {
                Constructor<?> found = type.getDeclaredConstructor(parameters);
                if (!type.getName().startsWith("java.")) {
                    found.setAccessible(true);
                }
                Object[] arguments = new Object[parameters.length];
                if (arguments.length > 0) {
                    arguments[0] = message;
                }
                return (Throwable) found.newInstance(arguments);
            } catch (ReflectiveOperationException | RuntimeException error) {
                continue;
            }
        }
        return null;
    }
}
