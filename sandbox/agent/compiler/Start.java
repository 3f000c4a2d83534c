import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles the files beside this one, which warms the compiler, and starts {@link CompilerServer}. */
final class Start {
    public static void main(String[] arguments) throws Exception {
        Path made = Files.createTempDirectory("compiler");
        List<File> sources = new ArrayList<>();
        try (var found = Files.newDirectoryStream(Path.of(arguments[0]), "*.java")) {
            for (Path one : found) {
                if (!one.endsWith("Start.java")) {
                    sources.add(one.toFile());
                }
            }
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> options = List.of("-d", made.toString(), "-proc:none", "-nowarn", "-Xlint:none",
                "--add-exports", "java.base/jdk.internal.org.objectweb.asm=ALL-UNNAMED");
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            var units = files.getJavaFileObjectsFromFiles(sources);
            if (!compiler.getTask(null, files, null, options, null, units).call()) {
                throw new IOException("the compiler's server does not compile");
            }
        }
        var loader = new java.net.URLClassLoader(new java.net.URL[] {made.toUri().toURL()});
        var main = loader.loadClass("CompilerServer").getDeclaredMethod("main", String[].class);
        main.setAccessible(true);
        main.invoke(null, (Object) arguments);
    }
}
