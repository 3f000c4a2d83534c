import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The program's side of a test that runs elsewhere: does what the test calls.
 *
 * <p>Nothing that decides about the program is here; whatever it does to this class is as good as
 * a wrong answer. Requests come by descriptor 3, replies go to descriptor 4.
 */
final class PlumbServe extends PlumbPeer {
    private static final int MOST_PRINTED = 16 << 20;
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    private final Map<Integer, Object> standIns = new HashMap<>();
    private final Set<String> stubs = new HashSet<>();
    private final Set<String> shared = new HashSet<>();
    private final PlumbMade made = new PlumbMade();
    private volatile int serving;

    private PlumbServe(FileInputStream in, FileOutputStream out) {
        super(in, out);
    }

    public static void main(String[] arguments) throws Exception {
        PlumbServe side = new PlumbServe(
                new FileInputStream(PlumbDescriptor.open(3)),
                new FileOutputStream(PlumbDescriptor.open(4)));
        System.setOut(new PrintStream(side.new Printed(), true));
        System.setIn(side.new Input());
        PlumbReader names = new PlumbReader(side.receive(), side, new PlumbTable());
        for (Object name : names.values()) {
            side.stubs.add((String) name);
        }
        for (Object name : names.values()) {
            side.shared.add((String) name);
        }
        while (true) {
            side.serve(side.receive());
        }
    }

    /** While a call is answered, be it within another, the test reads what comes. */
    @Override
    void serve(byte[] data) {
        lock.lock();
        serving++;
        lock.unlock();
        super.serve(data);
    }

    @Override
    void send(byte[] message) {
        lock.lock();
        try {
            super.send(message);
            if (message[0] == 'V' || message[0] == 'E' || message[0] == 'D') {
                serving--;
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    Object call(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) throws Throwable {
        lock.lock();
        try {
            if (serving == 0) {
                throw new IllegalStateException("the test does not wait for this program");
            }
            return super.call(kind, owner, name, parameters, target, arguments);
        } finally {
            lock.unlock();
        }
    }

    @Override
    RuntimeException lost(Throwable why) {
        Runtime.getRuntime().halt(0);
        return null;
    }

    @Override
    Object perform(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) throws Throwable {
        switch (kind) {
            case 'E': return PlumbSame.equal(target, arguments[0], made);
            case 'H': return target.hashCode();
            case 'T': return target.toString();
            default:
        }
        Class<?> type = Class.forName(owner, true, PlumbServe.class.getClassLoader());
        if (kind == 'G' || kind == 'P') {
            Field field = type.getDeclaredField(name);
            field.setAccessible(true);
            if (kind == 'G') {
                return field.get(target);
            }
            field.set(target, arguments[0]);
            return null;
        }
        if (kind == 'N') {
            Object object = methods.constructor(type, parameters).newInstance(arguments);
            made.note(object, arguments);
            return keep(object);
        }
        Method method = methods.method(type, name, parameters);
        boolean isStatic = Modifier.isStatic(method.getModifiers());
        Object value = method.invoke(isStatic ? null : target, arguments);
        if (isStatic && type.isInstance(value)) {
            made.note(value, arguments);
        }
        return value;
    }

    @Override
    public boolean isTest() {
        return false;
    }

    @Override
    public Class<?> type(String name) {
        try {
            return Class.forName(name, false, PlumbServe.class.getClassLoader());
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
        if (value instanceof Throwable) {
            return false;
        }
        if (value instanceof Enum<?> constant) {
            Class<?> type = constant.getDeclaringClass();
            String name = type.getName();
            return type.getClassLoader() != null && !stubs.contains(name) && !shared.contains(name);
        }
        for (Class<?> at = value.getClass(); at != null; at = at.getSuperclass()) {
            if (stubs.contains(at.getName())) {
                return true;
            }
        }
        return false;
    }

    @Override
    public Object standIn(int number, String[] types) {
        return standIns.computeIfAbsent(number, ignored -> {
            PlumbProxy proxy = new PlumbProxy(this, number);
            List<Class<?>> known = new ArrayList<>();
            for (String name : types) {
                Class<?> found = type(name);
                if (found != null && found.isInterface()) {
                    known.add(found);
                }
            }
            if (known.isEmpty()) {
                return new PlumbForeign(proxy);
            }
            ClassLoader loader = PlumbServe.class.getClassLoader();
            return Proxy.newProxyInstance(loader, known.toArray(new Class<?>[0]), proxy);
        });
    }

    @Override
    public byte[] serialized(Object value) {
        return null;
    }

    @Override
    public Object deserialized(byte[] data) throws IOException {
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(data))) {
            return in.readObject();
        } catch (ClassNotFoundException error) {
            throw new IOException(error);
        }
    }

    @Override
    byte[] printed() {
        synchronized (printed) {
            byte[] out = printed.toByteArray();
            printed.reset();
            return out;
        }
    }

    @Override
    void print(byte[] data) {
        // the test prints for itself
    }

    /** What the program prints, until the test takes it. */
    private final class Printed extends OutputStream {
        @Override
        public void write(int one) {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] data, int start, int count) {
            synchronized (printed) {
                if (printed.size() + count > MOST_PRINTED) {
                    Runtime.getRuntime().halt(1);
                }
                printed.write(data, start, count);
            }
        }
    }

    /** The test's standard input. */
    private final class Input extends InputStream {
        private byte[] data = {};
        private int at;

        @Override
        public int read() {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public synchronized int read(byte[] into, int start, int count) {
            if (count == 0) {
                return 0;
            }
            lock.lock();
            try {
                if (serving == 0) {
                    return -1;
                }
                send(ByteBuffer.allocate(5).put((byte) 'I').putInt(count).array());
                data = receive();
            } finally {
                lock.unlock();
            }
            System.arraycopy(data, 0, into, start, data.length);
            return data.length == 0 ? -1 : data.length;
        }
    }
}
