import java.util.List;
import java.util.Map;
import jdk.internal.org.objectweb.asm.ClassReader;
import jdk.internal.org.objectweb.asm.ClassVisitor;
import jdk.internal.org.objectweb.asm.ClassWriter;
import jdk.internal.org.objectweb.asm.MethodVisitor;
import jdk.internal.org.objectweb.asm.Opcodes;

/**
 * Class files of a test whose accesses of a stub's fields have become calls.
 *
 * <p>So have calls of {@code System.exit}, which says how a test has ended as well.
 */
final class FieldCalls {
    /** A field of a stub: where it is declared, its descriptor, and what it is a part of. */
    record Field(String owner, String descriptor, boolean isStatic, boolean isInterface) {}

    private final Map<String, Field> fields;
    private final Map<String, List<String>> above;

    FieldCalls(Map<String, Field> fields, Map<String, List<String>> above) {
        this.fields = fields;
        this.above = above;
    }

    /** A class file whose assertions are made, whatever a class loader has been told. */
    static byte[] pinned(byte[] data) {
        ClassReader reader = new ClassReader(data);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new ClassVisitor(Opcodes.ASM8, writer) {
            @Override
            public MethodVisitor visitMethod(
                    int access, String name, String descriptor, String signature, String[] thrown) {
                MethodVisitor out = super.visitMethod(access, name, descriptor, signature, thrown);
                return new MethodVisitor(Opcodes.ASM8, out) {
                    @Override
                    public void visitFieldInsn(int opcode, String owner, String name, String descriptor) {
                        if (opcode == Opcodes.GETSTATIC && name.equals("$assertionsDisabled")) {
                            super.visitInsn(Opcodes.ICONST_0);
                        } else {
                            super.visitFieldInsn(opcode, owner, name, descriptor);
                        }
                    }
                };
            }
        }, 0);
        return writer.toByteArray();
    }

    /** Remember what is above a class of the test. */
    void learn(byte[] data) {
        ClassReader reader = new ClassReader(data);
        above.put(reader.getClassName(), List.of(reader.getSuperName()));
    }

    byte[] changed(byte[] data) {
        ClassReader reader = new ClassReader(data);
        ClassWriter writer = new ClassWriter(reader, 0);
        reader.accept(new ClassVisitor(Opcodes.ASM8, writer) {
            @Override
            public MethodVisitor visitMethod(
                    int access, String name, String descriptor, String signature, String[] thrown) {
                return calls(super.visitMethod(access, name, descriptor, signature, thrown));
            }
        }, 0);
        return writer.toByteArray();
    }

    private MethodVisitor calls(MethodVisitor out) {
        return new MethodVisitor(Opcodes.ASM8, out) {
            @Override
            public void visitFieldInsn(int opcode, String owner, String name, String descriptor) {
                Field field = find(owner, name);
                if (field == null) {
                    super.visitFieldInsn(opcode, owner, name, descriptor);
                    return;
                }
                boolean isGet = opcode == Opcodes.GETFIELD || opcode == Opcodes.GETSTATIC;
                String self = field.isStatic() ? "" : "L" + field.owner() + ";";
                String type = isGet
                        ? "(" + self + ")" + field.descriptor()
                        : "(" + self + field.descriptor() + ")V";
                String method = (isGet ? "plumb$get$" : "plumb$set$") + name;
                super.visitMethodInsn(Opcodes.INVOKESTATIC, field.owner(), method, type, field.isInterface());
            }

            @Override
            public void visitMethodInsn(
                    int opcode, String owner, String name, String descriptor, boolean isInterface) {
                boolean isExit = owner.equals("java/lang/System") && name.equals("exit");
                super.visitMethodInsn(opcode, isExit ? "PlumbHarness" : owner, name, descriptor, isInterface);
            }
        };
    }

    private Field find(String owner, String name) {
        Field found = fields.get(owner + " " + name);
        for (String one : above.getOrDefault(owner, List.of())) {
            found = found == null ? find(one, name) : found;
        }
        return found;
    }
}
