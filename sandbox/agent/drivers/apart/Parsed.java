import java.lang.reflect.InvocationTargetException;
import java.net.URI;
import java.nio.charset.Charset;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.MonthDay;
import java.time.OffsetDateTime;
import java.time.Period;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Currency;
import java.util.Date;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Values of the platform that are written as text and read again. */
final class PlumbParsed {
    private static final Map<String, Function<String, Object>> KNOWN = new HashMap<>();

    static {
        for (Class<?> type : new Class<?>[] {
            LocalDate.class, LocalTime.class, LocalDateTime.class, Duration.class, Instant.class,
            Period.class, ZonedDateTime.class, OffsetDateTime.class, Year.class, YearMonth.class,
            MonthDay.class,
        }) {
            KNOWN.put(type.getName(), text -> parse(type, text));
        }
        KNOWN.put("java.time.ZoneRegion", ZoneId::of);
        KNOWN.put("java.time.ZoneOffset", ZoneId::of);
        KNOWN.put(UUID.class.getName(), UUID::fromString);
        KNOWN.put(URI.class.getName(), URI::create);
        KNOWN.put(Locale.class.getName(), Locale::forLanguageTag);
        KNOWN.put(Currency.class.getName(), Currency::getInstance);
        KNOWN.put(Date.class.getName(), text -> new Date(Long.parseLong(text)));
        KNOWN.put("sun.nio.cs.UTF_8", Charset::forName);
        KNOWN.put(Pattern.class.getName(), text -> {
            int end = text.indexOf(':');
            return Pattern.compile(text.substring(end + 1), Integer.parseInt(text.substring(0, end)));
        });
    }

    static boolean knows(Object value) {
        return KNOWN.containsKey(value.getClass().getName());
    }

    static String text(Object value) {
        if (value instanceof Date date) {
            return Long.toString(date.getTime());
        }
        if (value instanceof Locale locale) {
            return locale.toLanguageTag();
        }
        return value instanceof Pattern found ? found.flags() + ":" + found : value.toString();
    }

    /** The value of a text; IllegalArgumentException where it is none. */
    static Object value(String type, String text) {
        Function<String, Object> known = KNOWN.get(type);
        if (known == null) {
            throw new IllegalArgumentException("no value of " + type + " is read from text");
        }
        try {
            return known.apply(text);
        } catch (RuntimeException error) {
            throw new IllegalArgumentException(error.toString());
        }
    }

    private static Object parse(Class<?> type, String text) {
        try {
            return type.getMethod("parse", CharSequence.class).invoke(null, text);
        } catch (ReflectiveOperationException error) {
            Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
            throw new IllegalArgumentException(cause.toString());
        }
    }
}
