import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Runs a test, and writes what descriptor 6 holds to descriptor 3 once the test has come to its end.
 *
 * <p>The program is in another virtual machine, behind descriptors 4 and 5. Arguments: the class
 * with the main method; none: all classes that have annotated test methods.
 */
final class PlumbHarness {
    private static FileOutputStream results;
    private static byte[] nonce;

    public static void main(String[] arguments) throws Exception {
        results = new FileOutputStream(PlumbDescriptor.open(3));
        try (FileInputStream input = new FileInputStream(PlumbDescriptor.open(6))) {
            nonce = input.readAllBytes();
        }
        PlumbLink.open(
                new FileInputStream(PlumbDescriptor.open(5)),
                new FileOutputStream(PlumbDescriptor.open(4)),
                names("STUBS"), names("SHARED"));
        try {
            if (arguments.length > 0) {
                Class<?> type = Class.forName(arguments[0]);
                Method main = type.getDeclaredMethod("main", String[].class);
                main.setAccessible(true);
                main.invoke(null, (Object) new String[0]);
            } else {
                PlumbJUnit.asked = PlumbLink::asked;
                PlumbJUnit.run(classes());
            }
        } catch (PlumbJUnit.Unusable error) {
            results.write(nonce);
            results.write((" " + error.getMessage()).getBytes());
            failed(error);
        } catch (InvocationTargetException error) {
            failed(error.getCause());
        } catch (Throwable error) {
            failed(error);
        }
        passed();
    }

    /** What {@code System.exit} of the test means. */
    static void exit(int code) {
        if (code == 0) {
            passed();
        }
        System.out.flush();
        Runtime.getRuntime().halt(code);
    }

    private static void passed() {
        System.out.flush();
        try {
            results.write(nonce);
        } catch (IOException error) {
            Runtime.getRuntime().halt(1);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void failed(Throwable error) {
        System.out.flush();
        try {
            error.printStackTrace();
            System.err.println(error);
        } finally {
            Runtime.getRuntime().halt(1);
        }
    }

    static void fail(String reason) {
        try {
            System.out.flush();
            System.err.println(reason);
        } finally {
            Runtime.getRuntime().halt(1);
        }
    }

    /** Names of classes, from the class that is made together with the stubs. */
    private static Set<String> names(String field) throws Exception {
        var found = Class.forName("PlumbNames").getDeclaredField(field);
        found.setAccessible(true);
        return Set.of((String[]) found.get(null));
    }

    private static List<Class<?>> classes() throws Exception {
        List<Class<?>> found = new ArrayList<>();
        Set<String> skipped = names("STUBS");
        try (JarFile jar = new JarFile(System.getProperty("java.class.path"))) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                String path = entry.getName();
                if (path.endsWith(".class") && !path.startsWith("Plumb") && !path.contains("/")) {
                    String name = path.substring(0, path.length() - 6);
                    if (!skipped.contains(name)) {
                        found.add(Class.forName(name, false, PlumbHarness.class.getClassLoader()));
                    }
                }
            }
        }
        return found;
    }
}
