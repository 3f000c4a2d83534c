import java.lang.reflect.Array;
import java.lang.reflect.RecordComponent;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** JSON, read as Integer, Long, BigInteger, Double, String, Boolean, ArrayList and LinkedHashMap. */
final class PlumbJson {
    private final String text;
    private int at;

    PlumbJson(String text) {
        this.text = text;
    }

    Object read() {
        char c = next();
        if (c == '"') {
            return string();
        }
        if (c == '[') {
            return list();
        }
        if (c == '{') {
            return map();
        }
        int from = at;
        while (at < text.length() && ",]} ".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        return scalar(text.substring(from, at));
    }

    private static Object scalar(String word) {
        switch (word) {
            case "null":
                return null;
            case "true":
                return true;
            case "false":
                return false;
            default:
                if (word.indexOf('.') >= 0 || word.indexOf('e') >= 0 || word.indexOf('E') >= 0
                        || word.endsWith("y") || word.equals("NaN")) {
                    return Double.valueOf(word);
                }
                if (word.length() > 18) {
                    BigInteger big = new BigInteger(word);
                    return big.bitLength() < 64 ? (Object) big.longValue() : big;
                }
                long number = Long.parseLong(word);
                return (int) number == number ? (Object) (int) number : (Object) number;
        }
    }

    private char next() {
        while (text.charAt(at) == ' ') {
            at++;
        }
        return text.charAt(at);
    }

    private boolean more(char close) {
        char c = next();
        at++;
        return c != close;
    }

    private List<Object> list() {
        List<Object> out = new ArrayList<>();
        at++;
        if (next() == ']') {
            at++;
            return out;
        }
        do {
            out.add(read());
        } while (more(']'));
        return out;
    }

    private Map<String, Object> map() {
        Map<String, Object> out = new LinkedHashMap<>();
        at++;
        if (next() == '}') {
            at++;
            return out;
        }
        do {
            next();
            String key = string();
            next();
            at++;
            out.put(key, read());
        } while (more('}'));
        return out;
    }

    private String string() {
        StringBuilder out = new StringBuilder();
        at++;
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

    static void write(StringBuilder out, Object value) {
        if (value == null || value instanceof Boolean || value instanceof Number) {
            out.append(value);
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof Enum) {
            quote(out, value.toString());
        } else if (value.getClass().isArray()) {
            int length = Array.getLength(value);
            for (int i = 0; i < length; i++) {
                write(out.append(i == 0 ? '[' : ','), Array.get(value, i));
            }
            out.append(length == 0 ? "[]" : "]");
        } else if (value instanceof Iterable<?> items) {
            char before = '[';
            for (Object item : items) {
                write(out.append(before), item);
                before = ',';
            }
            out.append(before == '[' ? "[]" : "]");
        } else if (value instanceof Map<?, ?> map) {
            char before = '{';
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                quote(out.append(before), String.valueOf(entry.getKey()));
                write(out.append(':'), entry.getValue());
                before = ',';
            }
            out.append(before == '{' ? "{}" : "}");
        } else if (value instanceof Map.Entry<?, ?> entry) {
            write(out.append('['), entry.getKey());
            write(out.append(','), entry.getValue());
            out.append(']');
        } else if (value instanceof Record) {
            writeRecord(out, value);
        } else {
            writeOptional(out, value);
        }
    }

    private static void writeRecord(StringBuilder out, Object value) {
        char before = '{';
        for (RecordComponent part : value.getClass().getRecordComponents()) {
            quote(out.append(before), part.getName());
            part.getAccessor().setAccessible(true);
            try {
                write(out.append(':'), part.getAccessor().invoke(value));
            } catch (ReflectiveOperationException error) {
                throw new IllegalArgumentException(part.getName() + " cannot be read: " + error);
            }
            before = ',';
        }
        out.append(before == '{' ? "{}" : "}");
    }

    private static void writeOptional(StringBuilder out, Object value) {
        if (value instanceof Optional<?> one) {
            write(out, one.orElse(null));
        } else if (value instanceof OptionalInt one) {
            out.append(one.isPresent() ? one.getAsInt() : "null");
        } else if (value instanceof OptionalLong one) {
            out.append(one.isPresent() ? one.getAsLong() : "null");
        } else if (value instanceof OptionalDouble one) {
            out.append(one.isPresent() ? one.getAsDouble() : "null");
        } else {
            throw new IllegalArgumentException(
                    "a " + value.getClass().getSimpleName() + " cannot leave its process");
        }
    }

    static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || (c >= 0x7f && c < 0xa0) || Character.isSurrogate(c)) {
                out.append("\\u");
                String code = Integer.toHexString(c);
                out.append("0000", 0, 4 - code.length()).append(code);
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
