import com.sun.source.util.JavacTask;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
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
import javax.tools.Diagnostic;
import javax.tools.DiagnosticListener;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/**
 * A compiler that stays warm: a line of JSON in, a line of JSON out.
 *
 * <p>A request is {@code {"files": {"Main.java": "..."}, "main": "Main"}}, where {@code main} may be
 * left out; the answer is {@code {"log": "...", "jar": "base64"}}, with an empty jar if the sources
 * do not compile. Files whose names begin with {@code library/} know nothing of the others: they are
 * compiled apart, and what was made of them is used again. Guarantees: nothing that was compiled is loaded or run, annotation processors
 * included; every request is answered, whatever the compiler dies of.
 */
final class CompilerServer {
    private static final int MOST_LOG = 32 << 10;
    private static final int MOST_LIBRARIES = 4;
    private static final List<String> OPTIONS =
            List.of(
                    "-proc:none", "-Xlint:none", "-nowarn", "-encoding", "UTF-8", "-implicit:none",
                    // Joining strings by invokedynamic costs a short program a tenth of its time.
                    "-XDstringConcat=inline");

    private final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    private StandardJavaFileManager files;
    private final Map<Map<String, String>, Map<String, ByteArrayOutputStream>> libraries =
            new LinkedHashMap<>();

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
        Outputs outputs = new Outputs(files);
        JavacTask task = task(request.files, outputs, log);
        String main = mainClass(task, request.main);
        task.generate();
        if (log.hasErrors || outputs.classes.isEmpty()) {
            if (log.text.length() == 0) {
                log.text.append("error: there is no class in it");
            }
            return "";
        }
        for (Map.Entry<String, ByteArrayOutputStream> one : library(request.library).entrySet()) {
            if (outputs.classes.put(one.getKey(), one.getValue()) != null) {
                log.text.append("error: the name " + one.getKey() + " is taken");
                return "";
            }
        }
        return Base64.getEncoder().encodeToString(jar(outputs.classes, main));
    }

    private Map<String, ByteArrayOutputStream> library(Map<String, String> sources)
            throws IOException {
        if (sources.isEmpty()) {
            return Map.of();
        }
        Map<String, ByteArrayOutputStream> known = libraries.get(sources);
        if (known == null) {
            Log log = new Log();
            Outputs outputs = new Outputs(files);
            task(sources, outputs, log).generate();
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

    private JavacTask task(Map<String, String> texts, Outputs outputs, Log log) {
        List<Source> sources = new ArrayList<>();
        texts.forEach((name, text) -> sources.add(new Source(name, text)));
        return (JavacTask) compiler.getTask(log.writer(), outputs, log, OPTIONS, null, sources);
    }

    /** The class that the jar starts with; null: none has a main method. */
    private static String mainClass(JavacTask task, String wanted) throws IOException {
        List<String> found = new ArrayList<>();
        for (Element element : task.analyze()) {
            if (element instanceof TypeElement type
                    && type.getNestingKind() == NestingKind.TOP_LEVEL
                    && element.getEnclosedElements().stream().anyMatch(CompilerServer::isMain)) {
                found.add(type.getQualifiedName().toString());
            }
        }
        for (String name : new String[] {wanted, "Main"}) {
            for (String one : found) {
                if (one.equals(name) || one.endsWith("." + name)) {
                    return one;
                }
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
                && method.getParameters().get(0).asType().toString().equals("java.lang.String[]");
    }

    private static byte[] jar(Map<String, ByteArrayOutputStream> classes, String main)
            throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        if (main != null) {
            manifest.getMainAttributes().put(Attributes.Name.MAIN_CLASS, main);
        }
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        try (JarOutputStream jar = new JarOutputStream(data, manifest)) {
            jar.setLevel(Deflater.BEST_SPEED);
            for (Map.Entry<String, ByteArrayOutputStream> one : classes.entrySet()) {
                jar.putNextEntry(new ZipEntry(one.getKey().replace('.', '/') + ".class"));
                one.getValue().writeTo(jar);
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

    /** Errors, as text with a bound. */
    private static final class Log implements DiagnosticListener<JavaFileObject> {
        final StringBuilder text = new StringBuilder();
        boolean hasErrors;

        @Override
        public void report(Diagnostic<? extends JavaFileObject> found) {
            if (found.getKind() != Diagnostic.Kind.ERROR) {
                return;
            }
            hasErrors = true;
            String place = "";
            if (found.getSource() instanceof Source source) {
                place =
                        source.name + ":" + found.getLineNumber() + ":" + found.getColumnNumber() + ": ";
            }
            add(place + "error: " + found.getMessage(Locale.ROOT) + "\n");
        }

        java.io.Writer writer() {
            return new java.io.Writer() {
                @Override
                public void write(char[] chars, int start, int count) {
                    add(new String(chars, start, count));
                }

                @Override
                public void flush() {}

                @Override
                public void close() {}
            };
        }

        void add(String more) {
            text.append(more, 0, Math.min(more.length(), MOST_LOG - text.length()));
        }
    }

    private static final class Source extends SimpleJavaFileObject {
        final String name;
        private final String text;

        Source(String name, String text) {
            super(URI.create("memory:///" + name), Kind.SOURCE);
            this.name = name;
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreErrors) {
            return text;
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return true; // a public class may stand in a file of any name
        }
    }

    /** Keeps class files in memory; there is nothing to be found but the platform's own classes. */
    private static final class Outputs extends ForwardingJavaFileManager<JavaFileManager> {
        final Map<String, ByteArrayOutputStream> classes = new LinkedHashMap<>();

        Outputs(JavaFileManager platform) {
            super(platform);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
            return new SimpleJavaFileObject(URI.create("memory:///class"), kind) {
                @Override
                public OutputStream openOutputStream() {
                    ByteArrayOutputStream data = new ByteArrayOutputStream();
                    classes.put(name, data);
                    return data;
                }
            };
        }

        @Override
        public Iterable<JavaFileObject> list(
                Location location, String name, Set<JavaFileObject.Kind> kinds, boolean recurse)
                throws IOException {
            boolean isOurs =
                    location == StandardLocation.CLASS_PATH || location == StandardLocation.SOURCE_PATH;
            return isOurs ? Collections.emptyList() : super.list(location, name, kinds, recurse);
        }
    }

    /** A request, read from JSON; unknown keys are an error. */
    private static final class Request {
        final Map<String, String> files = new LinkedHashMap<>();
        final Map<String, String> library = new LinkedHashMap<>();
        String main;
        private final String text;
        private int at;

        Request(String text) {
            this.text = text;
            expect('{');
            do {
                String key = string();
                expect(':');
                if (key.equals("main")) {
                    main = string();
                } else if (key.equals("files")) {
                    expect('{');
                    do {
                        String name = string();
                        expect(':');
                        (name.startsWith("library/") ? library : files).put(name, string());
                    } while (more());
                } else {
                    throw new IllegalArgumentException(key);
                }
            } while (more());
        }

        private boolean more() {
            skip();
            boolean isMore = text.charAt(at) == ',';
            expect(isMore ? ',' : '}');
            return isMore;
        }

        private void skip() {
            while (text.charAt(at) == ' ') {
                at++;
            }
        }

        private void expect(char wanted) {
            skip();
            if (text.charAt(at++) != wanted) {
                throw new IllegalArgumentException("no " + wanted + " at " + at);
            }
        }

        private String string() {
            expect('"');
            StringBuilder out = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c != '\\') {
                    out.append(c);
                    continue;
                }
                c = text.charAt(at++);
                if (c == 'u') {
                    out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    int plain = "bfnrt".indexOf(c);
                    out.append(plain < 0 ? c : "\b\f\n\r\t".charAt(plain));
                }
            }
            return out.toString();
        }
    }
}
