import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardLocation;

/** Keeps class files in memory; there is nothing to be found but the platform's and a library's. */
final class Outputs extends ForwardingJavaFileManager<JavaFileManager> {
    final Map<String, byte[]> classes = new LinkedHashMap<>();
    private final Map<String, byte[]> library;

    Outputs(JavaFileManager platform, Map<String, byte[]> library) {
        super(platform);
        this.library = library;
    }

    @Override
    public JavaFileObject getJavaFileForOutput(
            Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
        return new SimpleJavaFileObject(URI.create("memory:///class"), kind) {
            @Override
            public OutputStream openOutputStream() {
                return new ByteArrayOutputStream() {
                    @Override
                    public void close() {
                        classes.put(name, toByteArray());
                    }
                };
            }
        };
    }

    @Override
    public Iterable<JavaFileObject> list(
            Location location, String name, Set<JavaFileObject.Kind> kinds, boolean recurse)
            throws IOException {
        if (location != StandardLocation.CLASS_PATH && location != StandardLocation.SOURCE_PATH) {
            return super.list(location, name, kinds, recurse);
        }
        List<JavaFileObject> found = new ArrayList<>();
        if (location == StandardLocation.CLASS_PATH && kinds.contains(JavaFileObject.Kind.CLASS)) {
            for (Map.Entry<String, byte[]> one : library.entrySet()) {
                int end = Math.max(0, one.getKey().lastIndexOf('.'));
                if (one.getKey().substring(0, end).equals(name)) {
                    found.add(new Known(one.getKey(), one.getValue()));
                }
            }
        }
        return found;
    }

    @Override
    public String inferBinaryName(Location location, JavaFileObject file) {
        return file instanceof Known known ? known.name : super.inferBinaryName(location, file);
    }

    @Override
    public boolean hasLocation(Location location) {
        return location == StandardLocation.CLASS_PATH || super.hasLocation(location);
    }

    private static final class Known extends SimpleJavaFileObject {
        final String name;
        private final byte[] data;

        Known(String name, byte[] data) {
            super(URI.create("memory:///" + name.replace('.', '/') + ".class"), Kind.CLASS);
            this.name = name;
            this.data = data;
        }

        @Override
        public InputStream openInputStream() {
            return new ByteArrayInputStream(data);
        }
    }
}
