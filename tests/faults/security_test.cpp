// SPDX-License-Identifier: Apache-2.0
// No label harms a terminal or a file, and the library reads only the documented environment variables.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <parmap/map.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>
#include <parmap/workers.hpp>

#include "progress/line.hpp"
#include "scheduler/workers.hpp"
#include "support/some_line.hpp"
#include "support/temporary_folder.hpp"

extern char** environ;

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using nlohmann::json;
using parmap::bar_style;
using parmap::detail::line_state;
using parmap::testing::content_of;
using parmap::testing::some_line;
using parmap::testing::temporary_folder;

// The environment variables that the library asks for: code of this executable, which it is linked into

std::mutex asked_guard;

// Never destroyed: the coverage runtime calls getenv at the end of the program.
std::set<std::string>& asked()
{
    static auto* const names = new std::set<std::string>;
    return *names;
}

void* image_of(const void* address)
{
    Dl_info info{};
    return ::dladdr(address, &info) != 0 ? info.dli_fbase : nullptr;
}

}  // namespace

// A program's own definition replaces that of the C library.
extern "C" char* getenv(const char* name) noexcept
{
    if (image_of(__builtin_return_address(0)) == image_of(&asked_guard)) {
        const std::lock_guard lock(asked_guard);
        asked().insert(name);
    }
    const std::string_view wanted(name);
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (text.starts_with(wanted) && text.substr(wanted.size()).starts_with('=')) {
            return *entry + wanted.size() + 1;
        }
    }
    return nullptr;
}

namespace {

/// What `write(descriptor)` writes to a descriptor.
std::string written_by(const std::function<void(int)>& write)
{
    const temporary_folder here;
    const fs::path path = here.path() / "written";
    std::FILE* const file = std::fopen(path.c_str(), "w");
    if (file == nullptr) throw std::runtime_error("fopen failed");
    write(::fileno(file));
    std::fclose(file);
    return content_of(path);
}

std::string message_of(const std::function<void()>& fails)
{
    try {
        fails();
    } catch (const std::exception& e) {
        return e.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
}

// Names

/// A random text of what terminals, JSON and Graphviz treat specially, and of bytes that are no text.
std::string some_text(std::mt19937_64& random)
{
    static const std::vector<std::string> pieces = [] {
        std::vector<std::string> all{"a",
                                     "é",
                                     "漢",
                                     "😀",
                                     "\"",
                                     "\\",
                                     "\\n",
                                     "\r\n",
                                     "\x1b[2J",
                                     "\x1b]0;t\a",
                                     "\x1b]52;c;eA==\a",
                                     "\x1bP",
                                     "\x1b(0",
                                     "\xed\xa0\x80",
                                     "\xf5\x80\x80\x80",
                                     "\xc0\xaf",
                                     "\xe6\xbc",
                                     "{}",
                                     "%s%n",
                                     "&lt;"};
        for (int c = 1; c < 0x20; ++c) all.emplace_back(1, static_cast<char>(c));
        for (int c = 0x7f; c < 0x100; ++c) all.emplace_back(1, static_cast<char>(c));
        for (int c = 0x80; c < 0xa0; ++c) all.push_back({'\xc2', static_cast<char>(c)});
        for (const char* const mark : {"\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068",
                                       "\u2069", "\u200E", "\u200F", "\u061C", "\u2028", "\u2029", "\u200B"}) {
            all.emplace_back(mark);
        }
        return all;
    }();
    std::string text;
    for (auto n = random() % 12; n != 0; --n) text += pieces[random() % pieces.size()];
    if (random() % 8 == 0) text += '\0';
    return text;
}

/// Whether it is valid UTF-8 without control characters and direction marks.
bool is_harmless(std::string_view text)
{
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') return false;
    }
    for (int c = 0x80; c < 0xa0; ++c) {
        if (text.find(std::string{'\xc2', static_cast<char>(c)}) != std::string_view::npos) return false;
    }
    for (const char* const mark : {"\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068",
                                   "\u2069", "\u200E", "\u200F", "\u061C", "\u2028", "\u2029"}) {
        if (text.find(mark) != std::string_view::npos) return false;
    }
    try {
        static_cast<void>(json(text).dump());
        return true;
    } catch (const json::exception&) {
        return false;
    }
}

/// The text without line ends and without the sequences that the bar itself writes.
std::string without_the_bars_own(std::string text)
{
    for (const std::string_view own : {"\x1b[K", "\x1b[J", "\x1b[1A", "\x1b[2A", "\r", "\n"}) {
        for (std::size_t at; (at = text.find(own)) != std::string::npos;) text.erase(at, own.size());
    }
    return text;
}

bool all_lines_are_json(const std::string& text)
{
    for (const auto line : std::views::split(text, '\n')) {
        if (!line.empty() && !json::accept(line.begin(), line.end())) return false;
    }
    return true;
}

class Names : public ::testing::Test {
protected:
    template <class Check>
    void try_many(int times, const Check& check)
    {
        for (int i = 0; i < times; ++i) {
            const std::string text = some_text(random_);
            check(text);
            if (HasFailure()) {
                ADD_FAILURE() << "with " << ::testing::PrintToString(text);
                return;
            }
        }
    }

private:
    std::mt19937_64 random_{7};
};

TEST_F(Names, NeverReachALineUncleaned)
{
    try_many(3'000, [](const std::string& text) {
        line_state line = some_line();
        line.state.label = text;
        line.state.unit = text;
        for (const int columns : {20, 60, 120}) {
            for (const bool utf8 : {false, true}) {
                const std::string shown = render_line(line, {.columns = columns, .utf8 = utf8});
                EXPECT_TRUE(is_harmless(shown)) << shown;
                const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
                EXPECT_TRUE(utf8 || std::ranges::all_of(shown, is_ascii));
            }
        }
        EXPECT_TRUE(is_harmless(render_plain(line)));
        const json parsed = json::parse(render_json(line));
        EXPECT_TRUE(is_harmless(parsed["label"].get<std::string>()));
    });
}

TEST_F(Names, NeverReachAFileOfAnyStyleUncleaned)
{
    try_many(100, [](const std::string& text) {
        for (const bar_style style : {bar_style::terminal, bar_style::json}) {
            const std::string written = written_by([&](int fd) {
                const parmap::progress_bar bar{.label = text, .unit = text, .delay = 0ms, .style = style, .fd = fd};
                parmap::for_each(std::views::iota(0, 3), [](int) {}, {.progress = bar});
                for (const int x : parmap::stream(std::views::iota(0, 3), [](int y) { return y; }, {.progress = bar})) {
                    static_cast<void>(x);
                }
                parmap::progress_scope(10, bar).advance(4);
                parmap::task_graph graph;
                graph.map(text, graph.add(text, [] { return std::vector{1, 2}; }), [](int) {});
                graph.run({.progress = bar});
            });
            EXPECT_NE(written, "");
            EXPECT_TRUE(is_harmless(without_the_bars_own(written))) << written;
            EXPECT_TRUE(style != bar_style::json || all_lines_are_json(written)) << written;
        }
    });
}

TEST_F(Names, NeverReachATraceUncleaned)
{
    const temporary_folder here;
    const fs::path path = here.path() / "trace.json";
    try_many(100, [&](const std::string& text) {
        {
            const parmap::trace_file trace(path.string());
            parmap::for_each(std::views::iota(0, 3), [](int) {}, {.progress = text, .trace = trace});
            parmap::task_graph graph;
            graph.map(text, graph.add(text, [] { return std::vector{1, 2}; }), [](int) {});
            graph.run({.trace = trace});
        }
        const json written = json::parse(content_of(path));
        EXPECT_GE(written["traceEvents"].size(), 4U);
        for (const json& event : written["traceEvents"]) {
            EXPECT_TRUE(is_harmless(event["name"].get<std::string>()));
        }
    });
}

TEST_F(Names, NeverReachADrawnGraphUncleaned)
{
    try_many(500, [](const std::string& text) {
        parmap::task_graph graph;
        const auto bad = graph.add(text, [&]() -> int { throw std::runtime_error(text); });
        graph.add(
            text, [](int x) { return x; }, bad);
        EXPECT_THROW(graph.run(), std::runtime_error);
        const std::string dot = graph.dot();
        EXPECT_TRUE(is_harmless(without_the_bars_own(dot))) << dot;
        EXPECT_EQ(dot.find('\r'), std::string::npos);
        // Three lines at the head, two steps, one edge, and the end.
        EXPECT_EQ(std::ranges::count(dot, '\n'), 7);
    });
}

TEST_F(Names, NeverReachAnErrorTextUncleaned)
{
    try_many(500, [](const std::string& text) {
        parmap::task_graph graph;
        parmap::task_graph other;
        const auto step = graph.add(text, [] { return 1; });
        const auto foreign = other.add(text, [] { return 1; });
        const auto read = [](int x) { return x; };
        EXPECT_TRUE(is_harmless(message_of([&] { static_cast<void>(step.get()); })));
        EXPECT_TRUE(is_harmless(message_of([&] { graph.add(text, read, foreign); })));
        const std::string path = "/nowhere/" + text;
        EXPECT_TRUE(is_harmless(message_of([&] { const parmap::trace_file trace(path); })));
        const std::string number = text + "x";
        const parmap::detail::platform here{
            .hardware = 1, .affinity = 1, .root = "/nowhere", .max_workers_variable = number.c_str()};
        EXPECT_TRUE(is_harmless(message_of([&] { parmap::detail::limits_of(here); })));
    });
}

// The environment

TEST(Environment, OnlyDocumentedVariablesAreReadAndNoneNamesAFile)
{
    const std::set<std::string> documented{
        "PARMAP_MAX_WORKERS", "PARMAP_PROGRESS", "TERM", "CI", "LC_ALL", "LC_CTYPE", "LANG"};
    const temporary_folder here;
    for (const std::string& name : documented) {
        ::setenv(name.c_str(), (here.path() / name).c_str(), 1);
        EXPECT_NE(content_of(README).find("`" + name + "`"), std::string::npos) << name;
    }
    const auto use_everything = [](int fd) {
        for (const bar_style style : {bar_style::automatic, bar_style::terminal, bar_style::json, bar_style::plain}) {
            const parmap::progress_bar bar{.label = "l", .delay = 0ms, .style = style, .fd = fd};
            parmap::for_each(std::views::iota(0, 100), [](int) {}, {.progress = bar});
            for (const int x : parmap::stream(std::views::iota(0, 100), [](int y) { return y; }, {.progress = bar})) {
                static_cast<void>(x);
            }
            parmap::task_graph graph;
            graph.map("map", graph.add("list", [] { return std::vector{1, 2}; }), [](int) {});
            graph.run({.progress = bar});
        }
        parmap::println("said");
    };
    asked().clear();
    parmap::detail::assume_cpus(0);
    EXPECT_THROW(use_everything(2), std::invalid_argument) << "PARMAP_MAX_WORKERS is no number";
    ::unsetenv("PARMAP_MAX_WORKERS");
    use_everything(2);
    // The first locale variable that is set decides; without it the next ones are read.
    ::unsetenv("LC_ALL");
    ::unsetenv("LC_CTYPE");
    use_everything(2);
    std::set<std::string> by_the_library;
    {
        const std::lock_guard lock(asked_guard);
        by_the_library = asked();
    }
    EXPECT_EQ(by_the_library, documented);
    EXPECT_TRUE(fs::is_empty(here.path()));
}

}  // namespace
