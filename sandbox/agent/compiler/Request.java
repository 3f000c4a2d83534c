import java.util.LinkedHashMap;
import java.util.Map;

/** A request, read from JSON; unknown keys are an error. */
final class Request {
    /** Sources that are compiled together. */
    final Map<String, String> files = new LinkedHashMap<>();
    /** Sources that know nothing of the others. */
    final Map<String, String> library = new LinkedHashMap<>();
    /** Sources of a program that a test is compiled without. */
    final Map<String, String> program = new LinkedHashMap<>();
    /** What is said about a test, by name. */
    final Map<String, String> about = new LinkedHashMap<>();
    private final String text;
    private int at;

    Request(String text) {
        this.text = text;
        expect('{');
        String key = string();
        if (!key.equals("files")) {
            throw new IllegalArgumentException(key);
        }
        expect(':');
        expect('{');
        do {
            String name = string();
            expect(':');
            of(name).put(name, string());
        } while (more());
        expect('}');
    }

    private Map<String, String> of(String name) {
        if (name.startsWith("library/")) {
            return library;
        }
        if (name.startsWith("about/")) {
            return about;
        }
        return name.startsWith("program/") ? program : files;
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
