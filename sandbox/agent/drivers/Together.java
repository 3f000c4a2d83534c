import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Runs a test in its program's process, and copies descriptor 4 to 3 once it has come to its end.
 *
 * <p>What descriptor 4 holds is read before a class of the program is initialised, and kept in a
 * local variable, which no reflection finds. A program that has a name of its own where the test
 * means a class of the platform is refused.
 */
final class PlumbTogether {
    private static final String[] PACKAGES = {PLUMB_PACKAGES};
    private static final String[] NAMES = {PLUMB_NAMES};
    private static final Set<String> TESTS = Set.of(PLUMB_TESTS);

    public static void main(String[] arguments) throws Exception {
        FileOutputStream results = new FileOutputStream(PlumbDescriptor.open(3));
        byte[] nonce;
        try (FileInputStream input = new FileInputStream(PlumbDescriptor.open(4))) {
            nonce = input.readAllBytes();
        }
        List<Class<?>> classes = classes();
        refuseShadows(classes);
        try {
            if ("PLUMB_RUN".equals("main")) {
                test("PLUMB_MAIN", classes).invoke(null, (Object) new String[0]);
            } else {
                PlumbJUnit.run(classes.stream().filter(PlumbTogether::isOfTest).toList());
            }
        } catch (Throwable error) {
            Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
            System.out.flush();
            cause.printStackTrace();
            System.err.println(cause);
            Runtime.getRuntime().halt(1);
        }
        System.out.flush();
        results.write(nonce);
        Runtime.getRuntime().halt(0);
    }

    /** The classes of the program and of the test, not initialised. */
    private static List<Class<?>> classes() throws Exception {
        List<Class<?>> found = new ArrayList<>();
        try (JarFile jar = new JarFile(System.getProperty("java.class.path"))) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                String path = entry.getName();
                if (path.endsWith(".class") && !path.startsWith("Plumb") && !path.contains("/")) {
                    String name = path.substring(0, path.length() - 6);
                    found.add(Class.forName(name, false, PlumbTogether.class.getClassLoader()));
                }
            }
        }
        return found;
    }

    /** Whether a class is the test's: what a program annotates shows nothing. */
    private static boolean isOfTest(Class<?> type) {
        Class<?> at = type;
        while (at.getEnclosingClass() != null) {
            at = at.getEnclosingClass();
        }
        return TESTS.contains(at.getName());
    }

    private static void refuseShadows(List<Class<?>> classes) {
        Set<String> names = Set.of(NAMES);
        for (Class<?> one : classes) {
            refuseShadow(one.getSimpleName(), names);
            for (Field field : names.isEmpty() ? new Field[0] : one.getDeclaredFields()) {
                refuseShadow(field.getName(), names); // a variable comes before a class
            }
        }
    }

    private static void refuseShadow(String name, Set<String> names) {
        if (!names.contains(name)) {
            return;
        }
        for (String one : PACKAGES) {
            try {
                Class.forName(one + "." + name, false, null);
            } catch (ClassNotFoundException | LinkageError error) {
                continue;
            }
            System.err.println("error: the test uses " + one + "." + name
                    + ", and the program has that name for something else");
            Runtime.getRuntime().halt(1);
        }
    }

    /** The main method of a class; where the test names none, of the only class that has one. */
    private static Method test(String wanted, List<Class<?>> classes) {
        for (Class<?> one : classes) {
            if (!wanted.isEmpty() && !one.getName().equals(wanted)) {
                continue;
            }
            try {
                Method main = one.getDeclaredMethod("main", String[].class);
                main.setAccessible(true);
                return main;
            } catch (NoSuchMethodException error) {
                continue;
            }
        }
        throw new IllegalStateException("the test has no main method");
    }
}
