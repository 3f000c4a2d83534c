import java.util.function.Predicate;
import java.util.stream.Collectors;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.type.ArrayType;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.type.WildcardType;
import javax.lang.model.util.Elements;
import javax.lang.model.util.Types;

/** Types of a program as they are written in source, in class files, and by reflection. */
final class StubTypes {
    private static final String[] DATA = {
        "java.util.Collection", "java.util.Map", "java.lang.CharSequence", "java.lang.Number",
    };
    private final Elements elements;
    private final Types types;
    private final Predicate<TypeElement> isReplaced;

    StubTypes(Elements elements, Types types, Predicate<TypeElement> isReplaced) {
        this.elements = elements;
        this.types = types;
        this.isReplaced = isReplaced;
    }

    /** Whether a class is the program's own: it is in no module with a name. */
    static boolean isProgram(TypeElement type) {
        Element at = type;
        while (at.getKind() != ElementKind.PACKAGE) {
            at = at.getEnclosingElement();
        }
        return at.getSimpleName().length() == 0;
    }

    /** The platform's type of data that a class is one of, the nearest; null: it is none. */
    TypeMirror dataAbove(TypeElement type) {
        for (TypeMirror one : types.directSupertypes(type.asType())) {
            TypeElement above = (TypeElement) ((DeclaredType) one).asElement();
            if (isProgram(above)) {
                TypeMirror found = dataAbove(above);
                if (found != null) {
                    return found;
                }
                continue;
            }
            for (String name : DATA) {
                TypeMirror data = types.erasure(elements.getTypeElement(name).asType());
                if (types.isSubtype(types.erasure(one), data)) {
                    return one;
                }
            }
        }
        return null;
    }

    /** A type as source; a class of data that the test does not know is what it is above it. */
    String shown(TypeMirror type) {
        switch (type.getKind()) {
            case ARRAY:
                return shown(((ArrayType) type).getComponentType()) + "[]";
            case TYPEVAR:
                return types.asElement(type).getSimpleName().toString();
            case WILDCARD:
                WildcardType wildcard = (WildcardType) type;
                if (wildcard.getSuperBound() != null) {
                    return "? super " + shown(wildcard.getSuperBound());
                }
                TypeMirror most = wildcard.getExtendsBound();
                return most == null ? "?" : "? extends " + shown(most);
            case DECLARED:
                return declared((DeclaredType) type);
            case ERROR:
                return "java.lang.Object";
            default:
                return type.getKind().isPrimitive() || type.getKind() == TypeKind.VOID
                        ? type.getKind().name().toLowerCase(java.util.Locale.ROOT)
                        : type.toString();
        }
    }

    private String declared(DeclaredType type) {
        TypeElement element = (TypeElement) type.asElement();
        if (isReplaced.test(element)) {
            return shown(types.erasure(dataAbove(element)));
        }
        TypeMirror outer = type.getEnclosingType();
        String name = outer.getKind() == TypeKind.DECLARED && !((DeclaredType) outer).getTypeArguments().isEmpty()
                ? shown(outer) + "." + element.getSimpleName()
                : element.getQualifiedName().toString();
        if (type.getTypeArguments().isEmpty()) {
            return name;
        }
        return name + type.getTypeArguments().stream().map(this::shown)
                .collect(Collectors.joining(", ", "<", ">"));
    }

    /** The name that `Class.getName` gives for an erased type. */
    String binary(TypeMirror erased) {
        if (erased.getKind() == TypeKind.ARRAY) {
            return descriptor(erased).replace('/', '.');
        }
        return erased.getKind() == TypeKind.DECLARED
                ? elements.getBinaryName((TypeElement) ((DeclaredType) erased).asElement()).toString()
                : shown(erased);
    }

    /** An erased type's descriptor in a class file. */
    String descriptor(TypeMirror erased) {
        return switch (erased.getKind()) {
            case ARRAY -> "[" + descriptor(types.erasure(((ArrayType) erased).getComponentType()));
            case BOOLEAN -> "Z";
            case BYTE -> "B";
            case SHORT -> "S";
            case CHAR -> "C";
            case INT -> "I";
            case LONG -> "J";
            case FLOAT -> "F";
            case DOUBLE -> "D";
            default -> "L" + binary(erased).replace('.', '/') + ";";
        };
    }

    /** Whether a test can write down what a member needs: no class of it is hidden. */
    boolean isSpeakable(Element member, Predicate<Element> isHidden) {
        if (member instanceof ExecutableElement method) {
            return isSpeakable(method.getReturnType(), isHidden)
                    && method.getParameters().stream().allMatch(one -> isSpeakable(one.asType(), isHidden));
        }
        return member instanceof TypeElement || isSpeakable(member.asType(), isHidden);
    }

    private boolean isSpeakable(TypeMirror type, Predicate<Element> isHidden) {
        if (type.getKind() == TypeKind.ARRAY) {
            return isSpeakable(((ArrayType) type).getComponentType(), isHidden);
        }
        if (type.getKind() != TypeKind.DECLARED) {
            return true;
        }
        for (TypeMirror one : ((DeclaredType) type).getTypeArguments()) {
            if (!isSpeakable(one, isHidden)) {
                return false;
            }
        }
        for (Element at = ((DeclaredType) type).asElement(); at instanceof TypeElement; at = at.getEnclosingElement()) {
            if (isHidden.test(at)) {
                return false;
            }
        }
        return true;
    }
}
