import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.TypeParameterElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.ExecutableType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.util.ElementFilter;
import javax.lang.model.util.Elements;
import javax.lang.model.util.Types;

/**
 * Classes with the names and signatures of a program's, whose bodies ask the program.
 *
 * <p>Guarantees: they hold no code of the program; of its values, only those of constants, which are
 * in its own class files as numbers and text. Fields are declared for the compiler's sake, and
 * {@link FieldCalls} turns every access of a test into a call.
 */
final class Stubs {
    private final Elements elements;
    private final Types types;
    private final Set<String> own;
    private final Set<String> taken;
    private final String opened;
    private final StubTypes names;
    final StubRules rules;
    /** Binary names of what was made. */
    final List<String> made = new ArrayList<>();
    /** Binary names of classes that the test has as well. */
    final List<String> shared = new ArrayList<>();
    /** For each stub its fields: `owner field` to `owner descriptor static interface`. */
    final Map<String, FieldCalls.Field> fields = new LinkedHashMap<>();
    /** For each stub the classes and interfaces above it. */
    final Map<String, List<String>> above = new LinkedHashMap<>();
    final StringBuilder source = new StringBuilder();

    /**
     * @param mentioned the words of the test
     * @param own names of the classes that the test declares
     * @param taken names of methods that the test has by its bare name in such a class
     * @param opened the class that the test goes on in, whose private parts it sees; or null
     */
    Stubs(Elements elements, Types types, Set<String> mentioned, Set<String> own,
            Set<String> taken, String opened) {
        this.elements = elements;
        this.types = types;
        this.own = own;
        this.taken = taken;
        this.opened = opened;
        this.names = new StubTypes(elements, types, this::isReplaced);
        this.rules = new StubRules(elements, types, mentioned, opened, names);
    }

    private boolean isReplaced(TypeElement type) {
        return rules.isReplaced(type);
    }

    void add(TypeElement type) {
        if (type.getKind() == ElementKind.ANNOTATION_TYPE) {
            return;
        }
        if (own.contains(type.getSimpleName().toString())) {
            share(type);
        } else if (!rules.isReplaced(type)) {
            write(type);
        }
    }

    private void share(TypeElement type) {
        shared.add(elements.getBinaryName(type).toString());
        for (TypeElement inner : ElementFilter.typesIn(type.getEnclosedElements())) {
            share(inner);
        }
    }

    private boolean isHidden(Element member) {
        return opened == null && member.getModifiers().contains(Modifier.PRIVATE);
    }

    private void write(TypeElement type) {
        String binary = elements.getBinaryName(type).toString();
        made.add(binary);
        List<String> kin = new ArrayList<>();
        above.put(binary.replace('.', '/'), kin);
        TypeMirror parent = type.getSuperclass();
        boolean isInterface = type.getKind().isInterface();
        boolean isEnum = type.getKind() == ElementKind.ENUM;
        Parent from = isInterface || isEnum ? Parent.NONE : parent(type);
        if (from == Parent.STUB) {
            kin.add(names.binary(types.erasure(parent)).replace('.', '/'));
        }
        source.append(access(type));
        if (type.getNestingKind().isNested() && (type.getModifiers().contains(Modifier.STATIC))) {
            source.append("static ");
        }
        source.append(isInterface ? "interface " : isEnum ? "enum " : "class ");
        source.append(type.getSimpleName()).append(parameters(type.getTypeParameters()));
        if (from != Parent.NONE) {
            source.append(" extends ").append(names.shown(parent));
        }
        List<String> interfaces = new ArrayList<>();
        if (!isInterface && !isEnum && from != Parent.STUB) {
            interfaces.add("PlumbStub");
        }
        for (TypeMirror one : type.getInterfaces()) {
            String binaryOfOne = names.binary(types.erasure(one));
            if (rules.isMentioned(type) || !binaryOfOne.equals(StubRules.ORDER)) {
                interfaces.add(names.shown(one));
                kin.add(binaryOfOne.replace('.', '/'));
            }
        }
        if (!interfaces.isEmpty()) {
            source.append(isInterface ? " extends " : " implements ").append(String.join(", ", interfaces));
        }
        source.append(" {\n");
        if (isEnum) {
            source.append(type.getEnclosedElements().stream()
                    .filter(one -> one.getKind() == ElementKind.ENUM_CONSTANT)
                    .map(one -> one.getSimpleName().toString())
                    .collect(Collectors.joining(", "))).append(";\n");
        } else if (!isInterface) {
            instances(type, from);
        }
        members(type, binary, from);
        source.append("}\n");
    }

    private enum Parent { NONE, STUB, PLATFORM }

    private Parent parent(TypeElement type) {
        TypeMirror parent = type.getSuperclass();
        if (parent.getKind() != TypeKind.DECLARED) {
            return Parent.NONE;
        }
        TypeElement above = (TypeElement) ((DeclaredType) parent).asElement();
        if (StubTypes.isProgram(above)) {
            boolean isStub = !own.contains(above.getSimpleName().toString())
                    && !rules.isReplaced(above) && !isHidden(above);
            return isStub ? Parent.STUB : Parent.NONE;
        }
        String name = above.getQualifiedName().toString();
        if (name.equals("java.lang.Object") || name.equals("java.lang.Record")) {
            return Parent.NONE;
        }
        boolean isOpen = ElementFilter.constructorsIn(above.getEnclosedElements()).stream()
                .anyMatch(one -> one.getParameters().isEmpty()
                        && (one.getModifiers().contains(Modifier.PUBLIC)
                                || one.getModifiers().contains(Modifier.PROTECTED)));
        return isOpen ? Parent.PLATFORM : Parent.NONE;
    }

    /** What every object of a stub's class can do, and how one is made for an object that is there. */
    private void instances(TypeElement type, Parent from) {
        String name = type.getSimpleName().toString();
        if (from == Parent.STUB) {
            source.append(name).append("(PlumbRef ref, byte mark) { super(ref, mark); }\n");
        } else {
            source.append("private PlumbRef plumb$own;\n")
                    .append("public PlumbRef plumb$ref() { return plumb$own; }\n")
                    .append(name).append("(PlumbRef ref, byte mark) {")
                    .append(" plumb$own = PlumbLink.known(ref, this); }\n")
                    .append("public boolean equals(Object other) { return PlumbLink.same(this, other); }\n")
                    .append("public int hashCode() { return PlumbLink.hash(this); }\n")
                    .append("public String toString() { return PlumbLink.text(this); }\n");
        }
    }

    private void members(TypeElement type, String binary, Parent from) {
        Set<String> written = new HashSet<>(Set.of("equals(java.lang.Object;)", "hashCode()", "toString()"));
        if (type.getKind() == ElementKind.ENUM) {
            written.addAll(Set.of("values()", "valueOf(java.lang.String;)"));
        }
        for (Element one : type.getEnclosedElements()) {
            if (isHidden(one) || !names.isSpeakable(one, this::isHidden)) {
                continue;
            }
            if (one instanceof TypeElement inner) {
                add(inner);
            } else if (one.getKind() == ElementKind.FIELD) {
                field(type, (VariableElement) one, binary);
            } else if (one.getKind() == ElementKind.CONSTRUCTOR) {
                if (type.getKind() != ElementKind.ENUM) {
                    constructor(type, (ExecutableElement) one, binary);
                }
            } else if (one.getKind() == ElementKind.METHOD) {
                method(type, (ExecutableElement) one, binary, written);
            }
        }
        if (type.getKind().isInterface()) {
            return;
        }
        for (ExecutableElement one : ElementFilter.methodsIn(elements.getAllMembers(type))) {
            if (isInherited(type, one, from) && names.isSpeakable(one, this::isHidden)) {
                method(type, one, binary, written);
            }
        }
    }

    /** Whether a stub has to have a method that stands in something above it. */
    private boolean isInherited(TypeElement type, ExecutableElement method, Parent from) {
        TypeElement owner = (TypeElement) method.getEnclosingElement();
        Set<Modifier> modifiers = method.getModifiers();
        if (owner.equals(type) || modifiers.contains(Modifier.STATIC) || modifiers.contains(Modifier.FINAL)) {
            return false;
        }
        if (modifiers.contains(Modifier.ABSTRACT)) {
            return true;
        }
        if (from != Parent.PLATFORM || owner.getKind().isInterface() || StubTypes.isProgram(owner)) {
            return false;
        }
        String above = owner.getQualifiedName().toString();
        if (above.equals("java.lang.Throwable") || above.equals("java.lang.Object")) {
            return method.getSimpleName().contentEquals("getMessage")
                    || method.getSimpleName().contentEquals("getCause");
        }
        return modifiers.contains(Modifier.PUBLIC);
    }

    private void field(TypeElement type, VariableElement field, String binary) {
        String name = field.getSimpleName().toString();
        boolean isStatic = field.getModifiers().contains(Modifier.STATIC);
        boolean isInterface = type.getKind().isInterface();
        String shown = names.shown(field.asType());
        source.append(access(field)).append(isStatic ? "static " : "");
        Object constant = field.getConstantValue();
        if (constant != null) {
            source.append("final ").append(shown).append(' ').append(name).append(" = ")
                    .append("(").append(shown).append(") ").append(elements.getConstantExpression(constant))
                    .append(";\n");
            return;
        }
        String raw = names.shown(types.erasure(field.asType()));
        source.append(shown).append(' ').append(name);
        source.append(isInterface ? " = (" + shown + ") PlumbLink.nothing(\"" + raw + "\");\n" : ";\n");
        String self = isStatic ? "" : type.getSimpleName() + " self";
        String target = isStatic ? "null" : "self";
        String place = target + ", \"" + binary + "\", \"" + name + "\"";
        source.append("static ").append(raw).append(" plumb$get$").append(name).append("(").append(self)
                .append(") { return (").append(raw).append(") PlumbLink.get(").append(place).append("); }\n");
        source.append("static void plumb$set$").append(name).append("(").append(self)
                .append(isStatic ? "" : ", ").append(raw).append(" value) { PlumbLink.set(")
                .append(place).append(", value); }\n");
        String owner = binary.replace('.', '/');
        String descriptor = names.descriptor(types.erasure(field.asType()));
        fields.put(owner + " " + name, new FieldCalls.Field(owner, descriptor, isStatic, isInterface));
    }

    private void constructor(TypeElement type, ExecutableElement made, String binary) {
        StringBuilder parameters = new StringBuilder();
        StringBuilder given = new StringBuilder();
        if (type.getNestingKind().isNested() && !type.getModifiers().contains(Modifier.STATIC)) {
            TypeElement outer = (TypeElement) type.getEnclosingElement();
            parameters.append(elements.getBinaryName(outer)).append(';');
            given.append(", ").append(outer.getQualifiedName()).append(".this");
        }
        ExecutableType as = (ExecutableType) made.asType();
        parameters.append(erased(made));
        given.append(given(made));
        source.append(access(made)).append(parameters(made.getTypeParameters()))
                .append(type.getSimpleName()).append(declared(made, as)).append(thrown(as))
                .append(" { this(PlumbLink.make(\"").append(binary).append("\", \"").append(parameters)
                .append("\"").append(given).append("), (byte) 0); }\n");
    }

    private void method(TypeElement type, ExecutableElement method, String binary, Set<String> written) {
        String name = method.getSimpleName().toString();
        String erased = erased(method);
        if (!written.add(name + "(" + erased + ")") || rules.isRigged(type, method)
                || taken.contains(name)) {
            return;
        }
        ExecutableType as = (ExecutableType) types.asMemberOf((DeclaredType) type.asType(), method);
        Set<Modifier> modifiers = method.getModifiers();
        boolean isStatic = modifiers.contains(Modifier.STATIC);
        boolean isInterface = type.getKind().isInterface();
        boolean isAbstract = isInterface && modifiers.contains(Modifier.ABSTRACT);
        String value = names.shown(as.getReturnType());
        source.append(access(method)).append(isStatic ? "static " : isInterface && !isAbstract ? "default " : "");
        source.append(parameters(method.getTypeParameters())).append(value).append(' ').append(name)
                .append(declared(method, as)).append(thrown(as));
        if (isAbstract) {
            source.append(";\n");
            return;
        }
        String call = "PlumbLink.call(" + (isStatic ? "null" : "this") + ", \"" + binary + "\", \"" + name
                + "\", \"" + erased + "\"" + given(method) + ");";
        source.append(" { ").append(value.equals("void") ? "" : "return (" + value + ") ").append(call)
                .append(" }\n");
    }

    private String access(Element of) {
        Set<Modifier> modifiers = of.getModifiers();
        if (modifiers.contains(Modifier.PUBLIC)) {
            return "public ";
        }
        return modifiers.contains(Modifier.PROTECTED) ? "protected " : "";
    }

    private String parameters(List<? extends TypeParameterElement> of) {
        if (of.isEmpty()) {
            return "";
        }
        return of.stream()
                .map(one -> one.getSimpleName() + " extends " + one.getBounds().stream()
                        .map(names::shown).collect(Collectors.joining(" & ")))
                .collect(Collectors.joining(", ", "<", "> "));
    }

    private String declared(ExecutableElement of, ExecutableType as) {
        List<String> out = new ArrayList<>();
        int last = of.getParameters().size() - 1;
        for (int i = 0; i <= last; i++) {
            String shown = names.shown(as.getParameterTypes().get(i));
            boolean isOpen = of.isVarArgs() && i == last && shown.endsWith("[]");
            out.add((isOpen ? shown.substring(0, shown.length() - 2) + "..." : shown) + " p" + i);
        }
        return "(" + String.join(", ", out) + ")";
    }

    private String given(ExecutableElement of) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < of.getParameters().size(); i++) {
            out.append(", (Object) p").append(i);
        }
        return out.toString();
    }

    private String erased(ExecutableElement of) {
        StringBuilder out = new StringBuilder();
        for (VariableElement one : of.getParameters()) {
            out.append(names.binary(types.erasure(one.asType()))).append(';');
        }
        return out.toString();
    }

    private String thrown(ExecutableType of) {
        if (of.getThrownTypes().isEmpty()) {
            return "";
        }
        return " throws "
                + of.getThrownTypes().stream().map(names::shown).collect(Collectors.joining(", "));
    }
}
