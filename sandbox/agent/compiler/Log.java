import java.io.Writer;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticListener;
import javax.tools.JavaFileObject;

/** Errors, as text with a bound. */
final class Log implements DiagnosticListener<JavaFileObject> {
    private static final int MOST = 32 << 10;
    final StringBuilder text = new StringBuilder();
    /** Lines of the stubs that do not compile. */
    final Set<Integer> stubs = new TreeSet<>();
    boolean hasErrors;

    @Override
    public void report(Diagnostic<? extends JavaFileObject> found) {
        if (found.getKind() != Diagnostic.Kind.ERROR) {
            return;
        }
        hasErrors = true;
        String place = "";
        if (found.getSource() instanceof Source source) {
            String name = source.name.substring(source.name.indexOf('/') + 1);
            if (name.equals(ApartTest.STUBS)) {
                stubs.add((int) found.getLineNumber());
            }
            place = name + ":" + found.getLineNumber() + ":" + found.getColumnNumber() + ": ";
        }
        add(place + "error: " + found.getMessage(Locale.ROOT) + "\n");
    }

    /** For what a compiler says beside its diagnostics. */
    Writer writer() {
        return new Writer() {
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
        text.append(more, 0, Math.min(more.length(), MOST - text.length()));
    }

    void refuse(String reason) {
        hasErrors = true;
        add("error: " + reason + "\n");
    }
}
