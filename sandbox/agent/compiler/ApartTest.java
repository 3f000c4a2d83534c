import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.RoundEnvironment;
import javax.annotation.processing.SupportedAnnotationTypes;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.util.ElementFilter;
import javax.lang.model.util.Elements;

/**
 * A test that is compiled against stubs of a program.
 *
 * <p>What is said about it: {@code about/opened} the class of the program that it goes on in, or
 * empty; {@code about/packages} those that it imports as a whole; {@code about/defaults} those that
 * it has although it does not import them; {@code about/statics} its static imports. Guarantee: where a name means a class of these packages,
 * it does not mean another because the program has one of that name; such a program is refused.
 */
final class ApartTest {
    static final String STUBS = "Stubs.java";
    private static final int MOST_ATTEMPTS = 3;
    private static final Pattern WORD = Pattern.compile("[A-Za-z_$][\\w$]*");
    /** Exercises: a program may have its own, where the test does not import the platform's. */
    private static final Set<String> EXERCISES =
            Set.of("Stack", "Queue", "Deque", "LinkedList", "PriorityQueue", "Vector", "Timer", "Dictionary");

    private static final Set<String> OF_OBJECT = Set.of("equals", "hashCode", "toString");

    private final CompilerServer server;
    private final Request request;
    private final Map<String, byte[]> library;
    private final Log log;
    private final Set<String> mentioned = new HashSet<>();
    private final Set<String> own = new HashSet<>();
    private final Set<String> methods = new HashSet<>();

    ApartTest(CompilerServer server, Request request, Map<String, byte[]> library, Log log) {
        this.server = server;
        this.request = request;
        this.library = library;
        this.log = log;
    }

    /** The classes of the test and of the stubs; none where there are errors. */
    Map<String, byte[]> compile() throws IOException {
        for (CompilationUnitTree unit : server.task(request.files, outputs(), log, "-proc:none").parse()) {
            for (Tree type : unit.getTypeDecls()) {
                if (type instanceof ClassTree found) {
                    own.add(found.getSimpleName().toString());
                    boolean goesOn = String.valueOf(found.getExtendsClause())
                            .equals(request.about.get("about/opened"));
                    for (Tree member : found.getMembers()) {
                        if (goesOn && member instanceof MethodTree method) {
                            methods.add(method.getName().toString());
                        }
                    }
                }
            }
        }
        for (String text : request.files.values()) {
            for (Matcher word = WORD.matcher(text); word.find();) {
                mentioned.add(word.group());
            }
        }
        Maker maker = new Maker();
        Log ofProgram = new Log();
        JavacTask program = server.task(request.program, outputs(), ofProgram, "-proc:only");
        program.setProcessors(List.of(maker));
        try {
            program.call();
        } catch (RuntimeException error) {
            if (!(error.getCause() instanceof MadeException)) {
                throw error;
            }
        }
        if (maker.stubs == null) {
            log.refuse("the program has no classes: " + ofProgram.text);
        }
        if (log.hasErrors) {
            return Map.of();
        }
        return compile(maker.stubs);
    }

    /**
     * The test with the stubs; a member of a stub that cannot be written, by a quirk of its types, is
     * left out: each is on a line of its own.
     */
    private Map<String, byte[]> compile(Stubs stubs) throws IOException {
        Map<String, String> sources = new LinkedHashMap<>(request.files);
        sources.put("PlumbNames.java", names(stubs));
        List<String> lines = new ArrayList<>(stubs.source.toString().lines().toList());
        for (int attempt = 1; true; attempt++) {
            sources.put(STUBS, String.join("\n", lines));
            Log found = new Log();
            Outputs outputs = outputs();
            server.task(sources, outputs, found, "-proc:none").generate();
            if (!found.hasErrors) {
                return changed(outputs.classes, stubs);
            }
            if (attempt == MOST_ATTEMPTS || found.stubs.isEmpty()) {
                log.hasErrors = true;
                log.add(found.text.toString());
                return Map.of();
            }
            found.stubs.forEach(line -> lines.set(line - 1, ""));
        }
    }

    private Outputs outputs() {
        return server.outputs(library);
    }

    private static Map<String, byte[]> changed(Map<String, byte[]> classes, Stubs stubs) {
        FieldCalls calls = new FieldCalls(stubs.fields, stubs.above);
        List<String> ofTest = new ArrayList<>(classes.keySet());
        ofTest.removeAll(stubs.made);
        ofTest.forEach(name -> calls.learn(classes.get(name)));
        ofTest.forEach(name -> classes.put(name, calls.changed(classes.get(name))));
        return classes;
    }

    private static String names(Stubs stubs) {
        return "final class PlumbNames { static final String[] STUBS = {" + quoted(stubs.made)
                + "}, SHARED = {" + quoted(stubs.shared) + "}; }";
    }

    private static String quoted(List<String> names) {
        return names.stream().map(name -> '"' + name + '"').collect(Collectors.joining(", "));
    }

    private static final class MadeException extends RuntimeException {}

    /** Makes the stubs once the program's signatures are known; nothing of it is attributed. */
    @SupportedAnnotationTypes("*")
    private final class Maker extends AbstractProcessor {
        Stubs stubs;

        @Override
        public SourceVersion getSupportedSourceVersion() {
            return SourceVersion.latest();
        }

        @Override
        public boolean process(Set<? extends TypeElement> ignored, RoundEnvironment round) {
            Elements elements = processingEnv.getElementUtils();
            String opened = request.about.get("about/opened");
            imported(elements);
            stubs = new Stubs(elements, processingEnv.getTypeUtils(), mentioned, own,
                    opened.isEmpty() ? Set.of() : methods, opened.isEmpty() ? null : opened);
            ElementFilter.typesIn(round.getRootElements()).forEach(stubs.rules::know);
            for (TypeElement type : ElementFilter.typesIn(round.getRootElements())) {
                String name = type.getSimpleName().toString();
                if (library.containsKey(name) || name.equals("PlumbNames")) {
                    log.refuse("the name " + name + " is taken");
                }
                refuseShadow(elements, name);
                if (!opened.isEmpty()) {
                    refuseShadows(elements, type);
                }
                stubs.add(type);
            }
            throw new MadeException(); // nothing more is wanted of the compiler
        }

        /** What the test imports statically it means by its bare name, as its own methods. */
        private void imported(Elements elements) {
            for (String one : request.about.get("about/statics").split(" ")) {
                int end = Math.max(0, one.lastIndexOf('.'));
                TypeElement type = elements.getTypeElement(one.substring(0, end));
                if (type != null) {
                    ElementFilter.methodsIn(elements.getAllMembers(type)).stream()
                            .map(method -> method.getSimpleName().toString())
                            .filter(name -> one.endsWith(".*") || one.endsWith("." + name))
                            .forEach(methods::add);
                }
            }
            methods.removeAll(OF_OBJECT);
        }

        /** In a class that it goes on in, a test has all that is declared there by its bare name. */
        private void refuseShadows(Elements elements, TypeElement type) {
            for (Element one : type.getEnclosedElements()) {
                if (one instanceof TypeElement || one instanceof VariableElement) {
                    refuseShadow(elements, one.getSimpleName().toString());
                }
            }
        }

        private void refuseShadow(Elements elements, String name) {
            if (!mentioned.contains(name) || own.contains(name)) {
                return;
            }
            refuseShadow(elements, name, "about/packages");
            if (!EXERCISES.contains(name)) {
                refuseShadow(elements, name, "about/defaults");
            }
        }

        private void refuseShadow(Elements elements, String name, String packages) {
            for (String one : request.about.get(packages).split(" ")) {
                if (!log.hasErrors && elements.getTypeElement(one + "." + name) != null) {
                    log.refuse("the test uses " + one + "." + name
                            + ", and the program has that name for something else");
                }
            }
        }
    }
}
