import java.io.IOException;

/** What the two virtual machines of a judgement know of types and of objects that stay behind. */
interface PlumbSide {
    /** Whether the test runs on this side. */
    boolean isTest();

    /** A class that a value may have, by its binary name; null: there is none that may. */
    Class<?> type(String name);

    /** Whether both sides have this class, so that its instances cross by their fields. */
    boolean isShared(Class<?> type);

    /** Whether instances stay where they are although they may look like data. */
    boolean staysBehind(Object value);

    /** The number that the other side knows an object by; -1: it is none of the other side's. */
    int yours(Object value);

    /** What the other side calls by this number among the objects of this side. */
    Object mine(int number);

    /** The number of an object that stays here. */
    int keep(Object value);

    /** Something that stands for an object of the other side, which is of these types. */
    Object standIn(int number, String[] types);

    /** A throwable like the other side's, which is of these classes, the nearest first. */
    Throwable thrown(int number, String[] types, String message, Throwable cause);

    /** Bytes of an object of the platform, by its own serialization; null: not from this side. */
    byte[] serialized(Object value) throws IOException;

    /** The object of such bytes. */
    Object deserialized(byte[] data) throws IOException;
}
