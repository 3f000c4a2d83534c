// Calls a function with arguments from descriptor 4 and writes a line for each call to descriptor 3.
//
// To be included after <bits/stdc++.h> and before the program, whose macros then cannot reach it. Of
// pointers, arrays of numbers and strings are known, in the way of LeetCode's C: an array's length is
// the next parameter, and a length is returned through a last pointer.
#pragma once

#include <cxxabi.h>

#include "values.hpp"

extern "C" long plumb_write(int, const void *, unsigned long) __asm__("__write");
extern "C" long plumb_read(int, void *, unsigned long) __asm__("__read");
extern "C" [[noreturn]] void plumb_exit(int) __asm__("_exit");

namespace plumb {

struct Binder {
    Cursor in;
    bool is_first = true, has_size = false, has_widths = false;
    size_t size = 0;
    std::vector<int> widths;
    int *returned_size = nullptr, **returned_widths = nullptr;

    bool at_end() { return in.peek() == ']'; }
    void next() {
        if (at_end()) throw Misfit("a call has fewer arguments than the function");
        if (!std::exchange(is_first, false)) in.expect(',');
    }
};

// An argument, and where it lives while the function has it.
template <class P> struct Argument {
    using T = std::remove_cvref_t<P>;
    T value{};
    void fill(Binder &binder) {
        if constexpr (Whole<T>) {
            if (std::exchange(binder.has_size, false)) {
                value = T(binder.size);
                return;
            }
        }
        binder.next();
        read(binder.in, value);
    }
    P get() {
        if constexpr (std::is_lvalue_reference_v<P>) return value;
        else return std::move(value);
    }
};

template <class C> requires std::same_as<std::remove_const_t<C>, char> struct Argument<C *> {
    std::string text;
    bool is_null = false;
    void fill(Binder &binder) {
        binder.next();
        if (binder.in.take("null")) {
            is_null = true;
        } else if (binder.in.peek() == '[') {
            std::vector<char> letters;
            read(binder.in, letters);
            text.assign(letters.begin(), letters.end());
            binder.size = text.size();
            binder.has_size = true;
        } else {
            text = binder.in.string();
        }
    }
    C *get() { return is_null ? nullptr : text.data(); }
};

template <> struct Argument<std::string_view> {
    std::string text;
    void fill(Binder &binder) { binder.next(), text = binder.in.string(); }
    std::string_view get() { return text; }
};

template <class C>
    requires(std::is_arithmetic_v<C> && !std::same_as<std::remove_const_t<C>, char>)
struct Argument<C *> {
    using T = std::remove_const_t<C>;
    std::unique_ptr<T[]> items;
    C *out = nullptr;
    T size = 0;
    void fill(Binder &binder) {
        if constexpr (std::same_as<C, int>) {
            if (std::exchange(binder.has_widths, false)) {
                out = binder.widths.data();
                return;
            }
            if (binder.at_end()) {
                out = binder.returned_size = &size;
                return;
            }
        }
        binder.next();
        std::vector<T> read_items;
        if (!binder.in.take("null")) read(binder.in, read_items);
        items = std::make_unique<T[]>(read_items.size() + 1);
        std::copy(read_items.begin(), read_items.end(), items.get());
        out = items.get();
        binder.size = read_items.size();
        binder.has_size = true;
    }
    C *get() { return out; }
};

template <class C> requires std::is_arithmetic_v<C> struct Argument<C **> {
    using T = std::remove_const_t<C>;
    using Row = std::conditional_t<Char<T>, std::string, std::vector<T>>;
    std::vector<std::unique_ptr<T[]>> rows;
    std::vector<C *> pointers;
    int *widths = nullptr;
    C **out = nullptr;
    void fill(Binder &binder) {
        if constexpr (std::same_as<C, int>) {
            if (binder.at_end()) {
                out = binder.returned_widths = &widths;
                return;
            }
        }
        binder.next();
        std::vector<Row> items;
        if constexpr (Char<T>) {
            Cursor ahead = binder.in;
            binder.has_widths = ahead.take('[') && ahead.peek() == '[';
        } else {
            binder.has_widths = true;
        }
        if (Char<T> && binder.has_widths) {
            std::vector<std::vector<T>> letters;
            read(binder.in, letters);
            for (auto &row : letters) items.emplace_back(row.begin(), row.end());
        } else {
            read(binder.in, items);
        }
        for (auto &row : items) {
            auto &kept = rows.emplace_back(std::make_unique<T[]>(row.size() + 1));
            std::copy(row.begin(), row.end(), kept.get());
            pointers.push_back(kept.get());
            binder.widths.push_back(int(row.size()));
        }
        pointers.push_back(nullptr);
        out = pointers.data();
        binder.size = items.size();
        binder.has_size = true;
    }
    C **get() { return out; }
};

template <class T> void write_items(std::string &out, T *items, int size) {
    char before = '[';
    for (int i = 0; i < size; i++) {
        out += std::exchange(before, ',');
        write(out, items[i]);
    }
    out += before == '[' ? "[]" : "]";
}

template <class R> void write_result(std::string &out, const R &value, Binder &binder) {
    using T = std::remove_cv_t<std::remove_pointer_t<R>>;
    if constexpr (!std::is_pointer_v<R> || Char<T>) {
        write(out, value);
    } else {
        if (!value) {
            out += binder.returned_size && *binder.returned_size == 0 ? "[]" : "null";
            return;
        }
        if (!binder.returned_size)
            throw Misfit("a pointer was returned without a length: use stdio tests");
        int size = *binder.returned_size;
        if constexpr (std::is_pointer_v<T> && !Char<std::remove_cv_t<std::remove_pointer_t<T>>>) {
            if (!binder.returned_widths || (size && !*binder.returned_widths))
                throw Misfit("rows were returned without their lengths: use stdio tests");
            char before = '[';
            for (int i = 0; i < size; i++) {
                out += std::exchange(before, ',');
                write_items(out, value[i], (*binder.returned_widths)[i]);
            }
            out += before == '[' ? "[]" : "]";
        } else {
            write_items(out, value, size);
        }
    }
}

template <class R, class... P, class F, size_t... I>
std::string call(Cursor in, F function, std::index_sequence<I...>) {
    Binder binder{in};
    std::tuple<Argument<P>...> arguments;
    (std::get<I>(arguments).fill(binder), ...);
    if (!binder.at_end()) throw Misfit("a call has more arguments than the function");
    std::string out;
    if constexpr (std::is_void_v<R>) {
        function(std::get<I>(arguments).get()...);
        return "null";
    } else {
        const std::decay_t<R> &result = function(std::get<I>(arguments).get()...);
        write_result(out, result, binder);
        return out;
    }
}

inline void say(std::string line) {
    line += '\n';
    for (size_t done = 0; done < line.size();) {
        long count = plumb_write(3, line.data() + done, line.size() - done);
        if (count <= 0) plumb_exit(1);
        done += size_t(count);
    }
}

inline std::string described(const char *what) {
    int status = 0;
    const std::type_info *type = abi::__cxa_current_exception_type();
    char *name = type ? abi::__cxa_demangle(type->name(), nullptr, nullptr, &status) : nullptr;
    std::string out = name ? name : "exception";
    std::free(name);
    if (out == "plumb::Misfit") out = "TypeError";
    return out + ": " + std::string(what).substr(0, 1000);
}

template <class R, class... P, class F> int serve_all(F function) {
    std::string text;
    char chunk[1 << 16];
    for (long count; (count = plumb_read(4, chunk, sizeof chunk)) > 0;) text.append(chunk, size_t(count));
    Cursor in{text.data(), text.data() + text.size()};
    in.expect('[');
    each(in, ']', [&] {
        in.expect('{');
        in.string();
        in.expect(':');
        Cursor arguments = in;
        in.skip();
        in.expect('}');
        arguments.expect('[');
        std::string line;
        try {
            line = "{\"value\":" + call<R, P...>(arguments, function, std::index_sequence_for<P...>()) + "}";
        } catch (const std::exception &error) {
            line = "{\"raised\":";
            quote(line, described(error.what()));
            line += '}';
        } catch (const std::string &error) {
            line = "{\"raised\":";
            quote(line, described(error.c_str()));
            line += '}';
        } catch (const char *error) {
            line = "{\"raised\":";
            quote(line, described(error));
            line += '}';
        } catch (...) {
            line = "{\"raised\":";
            quote(line, described(""));
            line += '}';
        }
        say(std::move(line));
    });
    std::cout.flush();
    std::fflush(nullptr);
    plumb_exit(0);
}

template <class R, class... P> int serve(R (*function)(P...)) { return serve_all<R, P...>(function); }

template <class R, class C, class... P> int serve(R (C::*method)(P...)) {
    return serve_all<R, P...>([method](P... given) -> R {
        auto object = std::make_unique<C>();
        return (object.get()->*method)(std::forward<P>(given)...);
    });
}

template <class R, class C, class... P> int serve(R (C::*method)(P...) const) {
    return serve_all<R, P...>([method](P... given) -> R {
        auto object = std::make_unique<C>();
        return (object.get()->*method)(std::forward<P>(given)...);
    });
}

}  // namespace plumb
