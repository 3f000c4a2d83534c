// C++ values from JSON and to JSON.
//
// A value is read straight into its type; a type that has no form in JSON does not compile, and says
// so. Whole numbers keep all of their 64 bits; bytes of strings stay as they are.
#pragma once

namespace plumb {

template <class> inline constexpr bool never = false;

struct Misfit : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---- JSON in ----

struct Cursor {
    const char *at, *end;

    char peek() {
        while (at != end && (*at == ' ' || *at == '\n')) ++at;
        return at == end ? '\0' : *at;
    }
    bool take(char c) {
        if (peek() != c) return false;
        ++at;
        return true;
    }
    bool take(std::string_view word) {
        peek();
        if (std::string_view(at, end - at).substr(0, word.size()) != word) return false;
        at += word.size();
        return true;
    }
    void expect(char c) {
        if (!take(c)) throw Misfit(std::string("an argument does not fit its parameter: no ") + c);
    }
    std::string_view number() {
        peek();
        const char *from = at;
        while (at != end && std::string_view("+-.eE0123456789").find(*at) != std::string_view::npos) ++at;
        if (from == at) throw Misfit("an argument does not fit its parameter: no number");
        return {from, size_t(at - from)};
    }
    unsigned hex() {
        unsigned code = 0;
        std::from_chars(at, at + 4, code, 16);
        at += 4;
        return code;
    }
    void append(std::string &out, unsigned code) {
        if (code < 0x80) {
            out += char(code);
        } else if (code < 0x800) {
            out += {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
        } else if (code < 0x10000) {
            out += {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
        } else {
            out += {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)),
                    char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
        }
    }
    std::string string() {
        std::string out;
        expect('"');
        while (at != end && *at != '"') {
            char c = *at++;
            if (c != '\\') {
                out += c;
                continue;
            }
            c = *at++;
            if (c == 'u') {
                unsigned code = hex();
                if (code >> 10 == 0x36 && end - at > 6 && at[0] == '\\' && at[1] == 'u') {
                    at += 2;
                    code = 0x10000 + ((code & 0x3FF) << 10) + (hex() & 0x3FF);
                }
                append(out, code);
            } else {
                size_t plain = std::string_view("bfnrt").find(c);
                out += plain == std::string_view::npos ? c : "\b\f\n\r\t"[plain];
            }
        }
        ++at;
        return out;
    }
    void skip() {
        int depth = 0;
        do {
            char c = peek();
            if (c == '"') {
                string();
            } else {
                depth += (c == '[' || c == '{') - (c == ']' || c == '}');
                ++at;
            }
        } while (at < end && (depth > 0 || !std::strchr(",]}", peek())));
    }
};

template <class T> concept Bool = std::same_as<T, bool>;
template <class T> concept Char = std::same_as<T, char>;
template <class T> concept Whole = std::integral<T> && !Bool<T> && !Char<T>;
template <class T> concept Text = std::same_as<T, std::string>;
template <class T> concept Map = requires { typename T::mapped_type; };
template <class T> concept Set = requires { typename T::key_type; } && !Map<T>;
template <class T> concept Sequence =
    !Text<T> && requires(T t, typename T::value_type v) { t.push_back(std::move(v)); t.begin(); };
template <class T> concept Array = requires(T t) { std::tuple_size<T>::value; t.begin(); };
template <class T> concept Tuple = !Array<T> && requires { std::tuple_size<T>::value; };
template <class T> concept Optional = requires(T t) { t.has_value(); t.emplace(); };

template <class F> void each(Cursor &in, char close, F item) {
    if (in.take(close)) return;
    do item(); while (in.take(','));
    in.expect(close);
}

template <Whole T> void read_whole(Cursor &in, T &out) {
    std::string_view text = in.number();
    auto [stop, error] = std::from_chars(text.begin(), text.end(), out);
    if (error == std::errc() && stop == text.end()) return;
    long double number = std::strtold(std::string(text).c_str(), nullptr);
    if (error == std::errc::result_out_of_range || number != std::floor(number) ||
        number < (long double)std::numeric_limits<T>::min() ||
        number > (long double)std::numeric_limits<T>::max())
        throw Misfit("an argument does not fit its parameter: " + std::string(text));
    out = T(number);
}

template <std::floating_point T> void read_float(Cursor &in, T &out) {
    if (in.take("NaN")) out = std::numeric_limits<T>::quiet_NaN();
    else if (in.take("Infinity")) out = std::numeric_limits<T>::infinity();
    else if (in.take("-Infinity")) out = -std::numeric_limits<T>::infinity();
    else out = T(std::strtold(std::string(in.number()).c_str(), nullptr));
}

template <class T> void read(Cursor &in, T &out) {
    if constexpr (Bool<T>) {
        out = in.take("true");
        if (!out && !in.take("false")) throw Misfit("an argument does not fit its parameter: no bool");
    } else if constexpr (Char<T>) {
        std::string text = in.string();
        if (text.size() != 1) throw Misfit("an argument does not fit its parameter: no single char");
        out = text[0];
    } else if constexpr (Whole<T>) {
        read_whole(in, out);
    } else if constexpr (std::floating_point<T>) {
        if constexpr (std::same_as<T, double>) {
            if (in.peek() != 'N' && in.peek() != 'I' && in.at[1] != 'I') {
                std::string_view text = in.number();
                if (std::from_chars(text.begin(), text.end(), out).ec != std::errc())
                    out = std::strtod(std::string(text).c_str(), nullptr);
                return;
            }
        }
        read_float(in, out);
    } else if constexpr (Text<T>) {
        out = in.string();
    } else if constexpr (Optional<T>) {
        if (in.take("null")) out.reset();
        else read(in, out.emplace());
    } else if constexpr (Array<T>) {
        in.expect('[');
        size_t i = 0;
        each(in, ']', [&] {
            if (i == out.size()) throw Misfit("an argument does not fit its parameter: too long");
            read(in, out[i++]);
        });
    } else if constexpr (Tuple<T>) {
        in.expect('[');
        std::apply([&](auto &...item) {
            bool first = true;
            ((first ? void(first = false) : in.expect(','), read(in, item)), ...);
        }, out);
        in.expect(']');
    } else if constexpr (Map<T>) {
        in.expect('{');
        each(in, '}', [&] {
            std::string text = in.string();
            in.expect(':');
            typename T::key_type key{};
            if constexpr (Text<typename T::key_type>) {
                key = std::move(text);
            } else if constexpr (Char<typename T::key_type>) {
                key = text.size() == 1 ? text[0] : throw Misfit("an argument's key is no single char");
            } else {
                Cursor inner{text.data(), text.data() + text.size()};
                read(inner, key);
            }
            typename T::mapped_type value{};
            read(in, value);
            out.emplace(std::move(key), std::move(value));
        });
    } else if constexpr (Set<T> || Sequence<T>) {
        in.expect('[');
        each(in, ']', [&] {
            typename T::value_type item{};
            read(in, item);
            if constexpr (Set<T>) out.insert(std::move(item));
            else out.push_back(std::move(item));
        });
    } else {
        static_assert(never<T>, "no argument of this type can be made of JSON: use stdio tests");
    }
}

// ---- JSON out ----

inline void quote(std::string &out, std::string_view text) {
    out += '"';
    for (char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if ((unsigned char)c < 0x20 || c == 0x7F) {
            char code[8];
            out.append(code, std::snprintf(code, sizeof code, "\\u%04x", c));
        } else {
            out += c;
        }
    }
    out += '"';
}

template <class T> void number(std::string &out, T value) {
    char text[64];
    if constexpr (std::floating_point<T>) {
        if (std::isnan(value)) { out += "NaN"; return; }
        if (std::isinf(value)) { out += value < 0 ? "-Infinity" : "Infinity"; return; }
    }
    const char *end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, size_t(end - text));
    // A fraction stays one for whoever reads it, even where it is whole.
    if constexpr (std::floating_point<T>)
        if (std::string_view(text, end - text).find_first_of(".e") == std::string_view::npos) out += ".0";
}

template <class T> void write(std::string &out, const T &value) {
    if constexpr (Bool<T>) {
        out += value ? "true" : "false";
    } else if constexpr (Char<T>) {
        quote(out, {&value, 1});
    } else if constexpr (std::is_arithmetic_v<T>) {
        number(out, value);
    } else if constexpr (std::is_enum_v<T>) {
        number(out, static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_convertible_v<T, const char *>) {
        const char *text = value;
        if (text) quote(out, text);
        else out += "null";
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
        quote(out, value);
    } else if constexpr (Optional<T>) {
        if (value) write(out, *value);
        else out += "null";
    } else if constexpr (Map<T>) {
        char before = '{';
        for (const auto &[key, item] : value) {
            out += std::exchange(before, ',');
            std::string text;
            write(text, key);
            if (text[0] == '"') out += text;
            else quote(out, text);
            out += ':';
            write(out, item);
        }
        out += before == '{' ? "{}" : "}";
    } else if constexpr (Set<T> || Sequence<T> || Array<T>) {
        char before = '[';
        for (const typename T::value_type &item : value) {
            out += std::exchange(before, ',');
            write(out, item);
        }
        out += before == '[' ? "[]" : "]";
    } else if constexpr (Tuple<T>) {
        char before = '[';
        std::apply([&](const auto &...item) { ((out += std::exchange(before, ','), write(out, item)), ...); },
                   value);
        out += before == '[' ? "[]" : "]";
    } else {
        static_assert(never<T>, "a result of this type has no form in JSON: use stdio tests");
    }
}

}  // namespace plumb
