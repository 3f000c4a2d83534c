import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One side of a conversation between a test and a program; either may call the other.
 *
 * <p>A frame is a length, what the sender printed meanwhile, and a message: C a call, V its value,
 * E what it threw, D that a method of an interface is the default one, I that input is wanted. One
 * call is under way at a time, but those that are made while it is answered.
 */
abstract class PlumbPeer implements PlumbSide {
    static final Object DEFAULT = new Object();
    private static final int MOST_INPUT = 1 << 16;
    private static final int MOST_FRAME = 2 * PlumbWriter.MOST_BYTES;
    final ReentrantLock lock = new ReentrantLock();
    final PlumbMethods methods = new PlumbMethods();
    private final FileOutputStream out;
    private final DataInputStream in;
    private final Map<Object, Integer> numbers = new IdentityHashMap<>();
    private final List<Object> objects = new ArrayList<>();
    private final Map<Object, Integer> rebuilt = new IdentityHashMap<>();

    PlumbPeer(FileInputStream in, FileOutputStream out) {
        this.in = new DataInputStream(in);
        this.out = out;
    }

    /** The other side is gone, or talks nonsense: this does not return. */
    abstract RuntimeException lost(Throwable why);

    /** What a call of the other side does here. */
    abstract Object perform(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) throws Throwable;

    /** What was printed here and is to be printed there. */
    abstract byte[] printed();

    abstract void print(byte[] data);

    /** Call something of the other side's; throws what it throws. */
    Object call(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments) throws Throwable {
        lock.lock();
        try {
            PlumbTable table = new PlumbTable();
            PlumbWriter message = new PlumbWriter(this, table);
            try {
                message.tag('C');
                message.tag(kind);
                message.text(owner);
                message.text(name);
                message.text(parameters);
                target(message, target);
                message.values(arguments);
            } catch (IOException error) {
                throw lost(error);
            }
            send(message.bytes());
            return answer(table);
        } finally {
            lock.unlock();
        }
    }

    private void target(PlumbWriter message, Object target) throws IOException {
        if (target instanceof PlumbRef ref) {
            message.tag('Y');
            message.count(ref.number);
        } else {
            message.value(target);
        }
    }

    /** A question that throws nothing but errors of the program. */
    Object ask(char kind, Object target, Object... arguments) {
        try {
            return call(kind, "", "", "", target, arguments);
        } catch (Throwable error) {
            throw PlumbPeer.<RuntimeException>thrown(error);
        }
    }

    @SuppressWarnings("unchecked")
    static <T extends Throwable> RuntimeException thrown(Throwable error) throws T {
        throw (T) error;
    }

    private Object answer(PlumbTable table) throws Throwable {
        while (true) {
            byte[] data = receive();
            char tag = data.length == 0 ? ' ' : (char) data[0];
            if (tag == 'C') {
                serve(data);
            } else if (tag == 'I') {
                send(input(ByteBuffer.wrap(data).getInt(1)));
            } else if (tag == 'D') {
                return DEFAULT;
            } else {
                Object value = value(data, table);
                if (tag == 'E') {
                    throw (Throwable) value;
                }
                return value;
            }
        }
    }

    /** What an answer says; the containers of the call become what they are on the other side. */
    private Object value(byte[] data, PlumbTable table) {
        try {
            PlumbReader reader = new PlumbReader(data, this, table);
            char tag = reader.tag();
            for (int left = reader.count(4); left > 0; left--) {
                reader.update(table.objects.get(reader.number()));
            }
            Object value = reader.value();
            if (tag != 'V' && (tag != 'E' || !(value instanceof Throwable))) {
                throw new IllegalArgumentException("no message begins with " + (int) tag);
            }
            return value;
        } catch (IOException | RuntimeException | StackOverflowError | OutOfMemoryError error) {
            throw lost(error);
        }
    }

    /** Do what a message asks for, and answer it. */
    void serve(byte[] data) {
        PlumbTable table = new PlumbTable();
        byte[] reply;
        try {
            PlumbReader reader = new PlumbReader(data, this, table);
            reader.tag();
            char kind = reader.tag();
            String owner = reader.text();
            String name = reader.text();
            String parameters = reader.text();
            Object target = reader.value();
            Object[] arguments = reader.values();
            reply = done(kind, owner, name, parameters, target, arguments, table);
        } catch (IOException | IllegalArgumentException error) {
            reply = answered('E', error, table, List.of());
        }
        send(reply);
    }

    private byte[] done(char kind, String owner, String name, String parameters, Object target,
            Object[] arguments, PlumbTable table) throws IOException {
        List<byte[]> before = contents(table, table.objects.size());
        char tag = 'V';
        Object value;
        try {
            value = perform(kind, owner, name, parameters, target, arguments);
        } catch (InvocationTargetException error) {
            tag = 'E';
            value = error.getCause();
        } catch (Throwable error) {
            tag = 'E';
            value = error;
        }
        if (value == DEFAULT) {
            return new byte[] {'D'};
        }
        try {
            return answered(tag, value, table, before);
        } catch (IllegalArgumentException | StackOverflowError | OutOfMemoryError error) {
            return answered('E', new IllegalArgumentException(error.getMessage()), table, List.of());
        }
    }

    private byte[] answered(char tag, Object value, PlumbTable table, List<byte[]> before) {
        try {
            List<byte[]> after = contents(table, before.size());
            List<Integer> changed = new ArrayList<>();
            for (int i = 0; i < before.size(); i++) {
                if (!Arrays.equals(before.get(i), after.get(i))) {
                    changed.add(i);
                }
            }
            PlumbWriter message = new PlumbWriter(this, table);
            message.tag(tag);
            message.count(changed.size());
            for (int number : changed) {
                message.count(number);
                message.contents(table.objects.get(number));
            }
            message.value(value);
            return message.bytes();
        } catch (IOException error) {
            throw lost(error);
        }
    }

    /** What is in the first containers of a table, each as bytes. */
    private List<byte[]> contents(PlumbTable table, int count) throws IOException {
        List<byte[]> out = new ArrayList<>();
        PlumbTable copy = new PlumbTable();
        for (int i = 0; i < count; i++) {
            copy.add(table.objects.get(i));
        }
        for (int i = 0; i < count; i++) {
            PlumbWriter writer = new PlumbWriter(this, copy);
            writer.contents(table.objects.get(i));
            out.add(writer.bytes());
        }
        return out;
    }

    byte[] input(int most) throws IOException {
        byte[] data = new byte[Math.max(1, Math.min(most, MOST_INPUT))];
        int count = System.in.read(data);
        return count < 0 ? new byte[0] : Arrays.copyOf(data, count);
    }

    void send(byte[] message) {
        lock.lock();
        try {
            byte[] said = printed();
            ByteBuffer frame = ByteBuffer.allocate(8 + said.length + message.length);
            frame.putInt(said.length + message.length + 4).putInt(said.length).put(said).put(message);
            out.write(frame.array());
        } catch (IOException error) {
            throw lost(error);
        } finally {
            lock.unlock();
        }
    }

    byte[] receive() {
        try {
            int length = in.readInt();
            if (length < 4 || length > MOST_FRAME) {
                throw new IllegalArgumentException("a message of " + length + " bytes");
            }
            byte[] data = in.readNBytes(length);
            int said = data.length < length ? -1 : ByteBuffer.wrap(data).getInt();
            if (said < 0 || said > length - 4) {
                throw new IllegalArgumentException("a message that is cut off");
            }
            print(Arrays.copyOfRange(data, 4, 4 + said));
            return Arrays.copyOfRange(data, 4 + said, length);
        } catch (IOException | IllegalArgumentException error) {
            throw lost(error);
        }
    }

    @Override
    public int yours(Object value) {
        PlumbProxy proxy = PlumbProxy.behind(value);
        if (proxy != null) {
            return proxy.number;
        }
        return value instanceof Throwable ? rebuilt.getOrDefault(value, -1) : -1;
    }

    @Override
    public Object mine(int number) {
        return objects.get(number);
    }

    @Override
    public synchronized int keep(Object value) {
        Integer number = numbers.get(value);
        if (number == null) {
            number = objects.size();
            objects.add(value);
            numbers.put(value, number);
        }
        return number;
    }

    @Override
    public Throwable thrown(int number, String[] types, String message, Throwable cause) {
        Throwable made = PlumbThrowables.like(this, number, types, message, cause);
        rebuilt.put(made, number);
        return made;
    }
}
