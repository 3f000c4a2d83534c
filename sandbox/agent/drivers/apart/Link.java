import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The test's side: what stubs of the program's classes do.
 *
 * <p>Guarantees: of what the program answers, nothing but data becomes an object here, and stubs by
 * name; no code of the program runs. When the program has gone, or its answer means nothing, the
 * test ends at once and has failed, whatever it would catch.
 */
final class PlumbLink extends PlumbPeer {
    private static PlumbLink only;
    private static volatile long asked;
    private final Set<String> stubs;
    private final Set<String> shared;
    private final Map<Integer, Object> standIns = new HashMap<>();

    private PlumbLink(FileInputStream in, FileOutputStream out, Set<String> stubs, Set<String> shared) {
        super(in, out);
        this.stubs = stubs;
        this.shared = shared;
    }

    /** Begin the conversation. */
    static void open(FileInputStream in, FileOutputStream out, Set<String> stubs, Set<String> shared)
            throws IOException {
        only = new PlumbLink(in, out, stubs, shared);
        PlumbWriter names = new PlumbWriter(only, new PlumbTable());
        names.values(stubs.toArray());
        names.values(shared.toArray());
        only.send(names.bytes());
    }

    /** Call a method of the program's; a static one has no target. */
    static Object call(Object target, String owner, String name, String parameters, Object... arguments) {
        boolean isOrder = target instanceof Comparable<?> && name.equals("compareTo") && arguments.length == 1;
        if (isOrder && arguments[0] != null && only.yours(arguments[0]) < 0) {
            // A sorted collection of the test asks so about what it holds.
            throw new ClassCastException("an object of the program has no order beside data");
        }
        return only.told('M', owner, name, parameters, target, arguments);
    }

    /** Make an object of the program's. */
    static PlumbRef make(String owner, String parameters, Object... arguments) {
        Object number = only.told('N', owner, "", parameters, null, arguments);
        if (!(number instanceof Integer)) {
            throw only.lost(new IllegalArgumentException("no object was made"));
        }
        return new PlumbRef((Integer) number);
    }

    static Object get(Object target, String owner, String name) {
        return only.told('G', owner, name, "", target, new Object[0]);
    }

    static void set(Object target, String owner, String name, Object value) {
        only.told('P', owner, name, "", target, new Object[] {value});
    }

    /** What a field holds before anybody has asked for it; javac does not take it for a constant. */
    static Object nothing(String type) {
        return switch (type) {
            case "boolean" -> false;
            case "byte" -> (byte) 0;
            case "short" -> (short) 0;
            case "char" -> (char) 0;
            case "int" -> 0;
            case "long" -> 0L;
            case "float" -> 0f;
            case "double" -> 0.0;
            default -> null;
        };
    }

    /** A stub has been made for this object: from now on it stands for it. */
    static PlumbRef known(PlumbRef ref, Object stub) {
        only.standIns.putIfAbsent(ref.number, stub);
        return ref;
    }

    /**
     * Whether a stub is equal to something. Data is never asked of the program: a collection of its
     * own is compared by what is in it, and anything else is no object of the program.
     */
    static boolean same(PlumbStub stub, Object other) {
        if (stub == other) {
            return true;
        }
        if (other instanceof PlumbStub) {
            return (Boolean) only.ask('E', stub, other);
        }
        boolean areKin = (stub instanceof List<?> && other instanceof List<?>)
                || (stub instanceof Set<?> && other instanceof Set<?>)
                || (stub instanceof Map<?, ?> && other instanceof Map<?, ?>);
        return areKin && other.equals(stub);
    }

    static int hash(PlumbStub stub) {
        return (Integer) only.ask('H', stub);
    }

    static String text(PlumbStub stub) {
        return (String) only.ask('T', stub);
    }

    /** How often a test has asked for something, but for a comparison or a text of what it had. */
    static long asked() {
        return asked;
    }

    private Object told(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) {
        asked++;
        try {
            return call(kind, owner, name, parameters, target, arguments);
        } catch (Throwable error) {
            StackTraceElement[] here = Thread.currentThread().getStackTrace();
            error.setStackTrace(java.util.Arrays.copyOfRange(here, Math.min(3, here.length), here.length));
            throw PlumbPeer.<RuntimeException>thrown(error);
        }
    }

    @Override
    RuntimeException lost(Throwable why) {
        boolean isGone = why instanceof java.io.EOFException || why.getClass() == IOException.class;
        PlumbHarness.fail(isGone
                ? "the program ended before the test did"
                : "the program's answer is none: " + why);
        return null;
    }

    @Override
    Object perform(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) throws Throwable {
        switch (kind) {
            case 'E': return target.equals(arguments[0]);
            case 'H': return target.hashCode();
            case 'T': return target.toString();
            case 'M': break;
            default: throw new IllegalArgumentException("the test is asked for " + (int) kind);
        }
        Class<?> type = type(owner);
        if (type == null || !type.isInterface() || !type.isInstance(target)) {
            throw new IllegalArgumentException("the test has no such object");
        }
        Method method = methods.method(type, name, parameters);
        if (method.isDefault() && stubs.contains(method.getDeclaringClass().getName())) {
            Method own = target.getClass().getMethod(name, method.getParameterTypes());
            if (own.getDeclaringClass() == method.getDeclaringClass()) {
                return DEFAULT;
            }
        }
        return method.invoke(target, arguments);
    }

    @Override
    public boolean isTest() {
        return true;
    }

    @Override
    public Class<?> type(String name) {
        try {
            if (stubs.contains(name) || shared.contains(name)) {
                return Class.forName(name, true, PlumbLink.class.getClassLoader());
            }
            boolean isPlatforms = name.startsWith("java.") || name.startsWith("[");
            return isPlatforms ? Class.forName(name, false, PlumbLink.class.getClassLoader()) : null;
        } catch (ClassNotFoundException | LinkageError error) {
            return null;
        }
    }

    @Override
    public boolean isShared(Class<?> type) {
        return shared.contains(type.getName());
    }

    @Override
    public boolean staysBehind(Object value) {
        return value instanceof Enum<?> constant && type(constant.getDeclaringClass().getName()) == null;
    }

    @Override
    public int yours(Object value) {
        return value instanceof PlumbStub stub && stub.plumb$ref() != null
                ? stub.plumb$ref().number
                : super.yours(value);
    }

    @Override
    public Object standIn(int number, String[] types) {
        Object known = standIns.get(number);
        if (known == null) {
            known = stub(number, types);
            standIns.put(number, known);
        }
        return known;
    }

    private Object stub(int number, String[] types) {
        List<Class<?>> interfaces = new ArrayList<>();
        for (String name : types) {
            Class<?> type = type(name);
            if (type != null && PlumbStub.class.isAssignableFrom(type) && !type.isInterface()) {
                return instance(type, number);
            }
            // Data is rebuilt: a collection that is asked one thing at a time could say anything.
            if (type != null && type.isInterface() && !isData(type) && !interfaces.contains(type)) {
                interfaces.add(type);
            }
        }
        PlumbProxy proxy = new PlumbProxy(this, number);
        if (interfaces.isEmpty()) {
            return new PlumbForeign(proxy);
        }
        ClassLoader loader = PlumbLink.class.getClassLoader();
        return Proxy.newProxyInstance(loader, interfaces.toArray(new Class<?>[0]), proxy);
    }

    private static boolean isData(Class<?> type) {
        return Collection.class.isAssignableFrom(type) || Map.class.isAssignableFrom(type)
                || CharSequence.class.isAssignableFrom(type) || type == Comparable.class
                || type == Map.Entry.class || !java.lang.reflect.Modifier.isPublic(type.getModifiers())
                        && type.getName().startsWith("java.");
    }

    private static Object instance(Class<?> type, int number) {
        for (Constructor<?> one : type.getDeclaredConstructors()) {
            Class<?>[] types = one.getParameterTypes();
            int count = types.length;
            if (count >= 2 && types[count - 2] == PlumbRef.class && types[count - 1] == byte.class) {
                Object[] arguments = new Object[count]; // an inner class has an outer instance first
                arguments[count - 2] = new PlumbRef(number);
                arguments[count - 1] = (byte) 0;
                try {
                    one.setAccessible(true);
                    return one.newInstance(arguments);
                } catch (ReflectiveOperationException error) {
                    throw new IllegalArgumentException(error.toString());
                }
            }
        }
        throw new IllegalArgumentException("no object is a " + type.getName());
    }

    @Override
    public byte[] serialized(Object value) {
        Class<?> type = value.getClass();
        boolean isPlatforms = type.getClassLoader() == null && !type.isHidden() && !type.isSynthetic();
        if (!isPlatforms || !(value instanceof Serializable) || Proxy.isProxyClass(type)) {
            return null;
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        } catch (IOException error) {
            return null;
        }
        return bytes.toByteArray();
    }

    @Override
    public Object deserialized(byte[] data) {
        throw new IllegalArgumentException("a program cannot hand over serialized objects");
    }

    @Override
    byte[] printed() {
        return new byte[0];
    }

    @Override
    void print(byte[] data) {
        if (data.length > 0) {
            System.out.write(data, 0, data.length);
            System.out.flush();
        }
    }
}
