import java.lang.reflect.Method;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.util.ElementFilter;
import javax.lang.model.util.Elements;
import javax.lang.model.util.Types;

/**
 * What of a program's classes a test may see.
 *
 * <p>A class that the test does not name must not stand where the test means data: one that is a
 * collection, a map, a text or a number is taken for that, and no other has the methods by which data
 * is asked for what it is.
 */
final class StubRules {
    /** What is asked of data: methods of these names must not make another class look like it. */
    private static final Set<String> DATA_NAMES = new HashSet<>();

    static {
        for (Class<?> type : new Class<?>[] {
            Object.class, String.class, Integer.class, Double.class, Character.class, Boolean.class,
            List.class, java.util.Deque.class, Set.class, java.util.NavigableMap.class,
            java.util.Optional.class, Map.Entry.class, java.math.BigInteger.class,
            java.util.stream.Stream.class, StringBuilder.class,
        }) {
            for (Method method : type.getMethods()) {
                if (!java.lang.reflect.Modifier.isStatic(method.getModifiers())) {
                    DATA_NAMES.add(method.getName());
                }
            }
        }
    }

    /** Of a class that the test does not name, its order beside data decides nothing. */
    static final String ORDER = "java.lang.Comparable";

    private final Elements elements;
    private final Types types;
    private final Set<String> mentioned;
    private final String opened;
    private final StubTypes names;
    private final Set<TypeElement> known = new HashSet<>();

    StubRules(Elements elements, Types types, Set<String> mentioned, String opened, StubTypes names) {
        this.elements = elements;
        this.types = types;
        this.mentioned = mentioned;
        this.opened = opened;
        this.names = names;
    }

    /** Take a class that the test names, and all above it, for known to the test. */
    void know(TypeElement type) {
        String name = type.getSimpleName().toString();
        if (mentioned.contains(name) || name.equals(opened)) {
            knowAbove(type);
        }
        ElementFilter.typesIn(type.getEnclosedElements()).forEach(this::know);
    }

    private void knowAbove(TypeElement type) {
        if (StubTypes.isProgram(type) && known.add(type)) {
            for (TypeMirror one : types.directSupertypes(type.asType())) {
                knowAbove((TypeElement) ((DeclaredType) one).asElement());
            }
        }
    }

    boolean isMentioned(TypeElement type) {
        return known.contains(type);
    }

    /** Whether a class is data by its kind, and none that the test knows. */
    boolean isReplaced(TypeElement type) {
        return StubTypes.isProgram(type) && !isMentioned(type) && names.dataAbove(type) != null;
    }

    /** Whether a method must not be had, as it would decide what is equal or what data is like. */
    boolean isRigged(TypeElement type, ExecutableElement method) {
        String name = method.getSimpleName().toString();
        if (name.equals("equals") || (name.equals("finalize") && method.getParameters().isEmpty())) {
            return true;
        }
        return !isMentioned(type) && DATA_NAMES.contains(name)
                && !method.getModifiers().contains(Modifier.ABSTRACT) && !overrides(type, method);
    }

    /** Whether a method is one of an interface or class above, which the stub must have. */
    private boolean overrides(TypeElement type, ExecutableElement method) {
        return elements.getAllMembers(type).contains(method) && isOfAbove(type.asType(), type, method);
    }

    private boolean isOfAbove(TypeMirror from, TypeElement type, ExecutableElement method) {
        for (TypeMirror one : types.directSupertypes(from)) {
            TypeElement above = (TypeElement) ((DeclaredType) one).asElement();
            boolean isObject = above.getQualifiedName().contentEquals("java.lang.Object")
                    || above.getQualifiedName().contentEquals(ORDER);
            for (ExecutableElement other : ElementFilter.methodsIn(above.getEnclosedElements())) {
                if (!isObject && elements.overrides(method, other, type)) {
                    return true;
                }
            }
            if (isOfAbove(one, type, method)) {
                return true;
            }
        }
        return false;
    }
}
