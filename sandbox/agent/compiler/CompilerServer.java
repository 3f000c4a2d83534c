import com.sun.source.util.JavacTask;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.NestingKind;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.ArrayType;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * A compiler that stays warm: a line of JSON in, a line of JSON out.
 *
 * <p>A request is {@code {"files": {"Main.java": "..."}}}; the answer is {@code {"log": "...",
 * "jar": "base64"}}, with an empty jar if the sources do not compile. Files whose names begin with
 * {@code library/} know nothing of the others: they are compiled apart, and what was made of them is
 * used again. Where names begin with {@code program/}, the other files are a test, which is compiled
 * against stubs of these and without them; {@code about/} says what {@link ApartTest} has to know.
 * Guarantees: nothing that was compiled is loaded or run, annotation processors included; every
 * request is answered, whatever the compiler dies of.
 */
final class CompilerServer {
    private static final int MOST_LIBRARIES = 4;
    private static final List<String> OPTIONS =
            List.of(
                    "-Xlint:none", "-nowarn", "-encoding", "UTF-8", "-implicit:none",
                    // Joining strings by invokedynamic costs a short program a tenth of its time.
                    "-XDstringConcat=inline");

    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    private final Map<Map<String, String>, Map<String, byte[]>> libraries = new LinkedHashMap<>();
    private StandardJavaFileManager files;

    public static void main(String[] arguments) throws IOException {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        System.setOut(System.err); // for a compiler that says something by itself
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 16);
        CompilerServer server = new CompilerServer();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.print(server.answer(line) + "\n");
            out.flush();
        }
    }

    private String answer(String line) {
        try {
            Request request = new Request(line);
            Log log = new Log();
            String jar = compile(request, log);
            return "{\"log\": " + quoted(log.text.toString()) + ", \"jar\": \"" + jar + "\"}";
        } catch (Throwable error) {
            files = null; // what it holds may be half-made
            String reason = "error: the compiler gave up: " + error.getClass().getSimpleName();
            return "{\"log\": " + quoted(reason) + ", \"jar\": \"\"}";
        }
    }

    private String compile(Request request, Log log) throws IOException {
        if (files == null) {
            files = compiler.getStandardFileManager(null, Locale.ROOT, StandardCharsets.UTF_8);
        }
        Map<String, byte[]> library = library(request.library);
        Map<String, byte[]> classes;
        String main = null;
        if (request.program.isEmpty()) {
            Outputs outputs = outputs(library);
            JavacTask task = task(request.files, outputs, log, "-proc:none");
            main = mainClass(task);
            task.generate();
            classes = outputs.classes;
            if (request.about.containsKey("about/pinned")) {
                classes.replaceAll((name, data) -> FieldCalls.pinned(data));
            }
        } else {
            classes = new ApartTest(this, request, library, log).compile();
        }
        if (log.hasErrors || classes.isEmpty()) {
            if (log.text.length() == 0) {
                log.text.append("error: there is no class in it");
            }
            return "";
        }
        for (Map.Entry<String, byte[]> one : library.entrySet()) {
            if (classes.put(one.getKey(), one.getValue()) != null) {
                log.text.append("error: the name " + one.getKey() + " is taken");
                return "";
            }
        }
        return Base64.getEncoder().encodeToString(jar(classes, main));
    }

    Outputs outputs(Map<String, byte[]> library) {
        return new Outputs(files, library);
    }

    private Map<String, byte[]> library(Map<String, String> sources) throws IOException {
        if (sources.isEmpty()) {
            return Map.of();
        }
        Map<String, byte[]> known = libraries.get(sources);
        if (known == null) {
            Log log = new Log();
            Outputs outputs = outputs(Map.of());
            task(sources, outputs, log, "-proc:none").generate();
            if (log.hasErrors) {
                throw new IllegalStateException(log.text.toString());
            }
            known = outputs.classes;
            if (libraries.size() == MOST_LIBRARIES) {
                libraries.clear();
            }
            libraries.put(sources, known);
        }
        return known;
    }

    JavacTask task(Map<String, String> texts, Outputs outputs, Log log, String processing) {
        List<Source> sources = new ArrayList<>();
        texts.forEach((name, text) -> sources.add(new Source(name, text)));
        List<String> options = new ArrayList<>(OPTIONS);
        options.add(processing);
        return (JavacTask) compiler.getTask(log.writer(), outputs, log, options, null, sources);
    }

    /** The class that the jar starts with; null: none has a main method. */
    private static String mainClass(JavacTask task) throws IOException {
        List<String> found = new ArrayList<>();
        for (Element element : task.analyze()) {
            if (element instanceof TypeElement type
                    && type.getNestingKind() == NestingKind.TOP_LEVEL
                    && element.getEnclosedElements().stream().anyMatch(CompilerServer::isMain)) {
                int place = element.getModifiers().contains(Modifier.PUBLIC) ? 0 : found.size();
                found.add(place, type.getQualifiedName().toString());
            }
        }
        for (String one : found) {
            if (one.equals("Main") || one.endsWith(".Main")) {
                return one;
            }
        }
        return found.isEmpty() ? null : found.get(0);
    }

    private static boolean isMain(Element element) {
        return element.getKind() == ElementKind.METHOD
                && element.getSimpleName().contentEquals("main")
                && element.getModifiers().containsAll(Set.of(Modifier.PUBLIC, Modifier.STATIC))
                && element instanceof ExecutableElement method
                && method.getParameters().size() == 1
                && method.getParameters().get(0).asType() instanceof ArrayType texts
                && texts.getComponentType().toString().equals("java.lang.String");
    }

    private static byte[] jar(Map<String, byte[]> classes, String main) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        if (main != null) {
            manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        }
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (JarOutputStream jar = new JarOutputStream(data, manifest)) {
            jar.setLevel(Deflater.BEST_SPEED);
            for (Map.Entry<String, byte[]> one : classes.entrySet()) {
                jar.putNextEntry(new ZipEntry(one.getKey().replace('.', '/') + ".class"));
                jar.write(one.getValue());
                jar.closeEntry();
            }
        }
        return data.toByteArray();
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }
}
