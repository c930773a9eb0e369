// SPDX-License-Identifier: Apache-2.0
// What a program that links parmap relies on: results, and exceptions of every kind that cross the library as they
// were thrown.
#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <parmap/parmap.hpp>

namespace {

bool all_right = true;

void expect(bool right, std::string_view what)
{
    if (right) return;
    all_right = false;
    std::cout << "WRONG: " << what << '\n';
}

enum class reason { full = 7 };

/// Known to this program alone.
struct own_error : std::runtime_error {
    own_error() : std::runtime_error("own"), notes(std::make_shared<std::string>("kept")) {}
    std::shared_ptr<std::string> notes;
};

struct left : virtual std::exception {};
struct right : virtual std::exception {};
struct diamond final : left, right {
    const char* what() const noexcept override { return "diamond"; }
};

constexpr int items = 1000;
constexpr int failing = 600;

/// Calls every algorithm with a function that throws at one item, and looks at what comes out.
template <class Error, class Throw, class IsIt>
void crosses(std::string_view what, const Throw& throw_it, const IsIt& is_it)
{
    const auto range = std::views::iota(0, items);
    const auto item = [&](int x) {
        if (x == failing) throw_it();
        return x;
    };
    // Of a pointer that was rethrown, clang 16 refers to something else.
    using caught = std::conditional_t<std::is_pointer_v<Error>, Error, const Error&>;
    const auto comes_out_of = [&](const auto& call) {
        try {
            call();
            return false;
        } catch (caught error) {
            return is_it(error);
        } catch (...) {
            return false;
        }
    };
    const auto sum = [](int a, int b) { return a + b; };
    const parmap::options options{.grain_size = 1};
    expect(comes_out_of([&] { parmap::for_each(range, item, options); }), what);
    expect(comes_out_of([&] { static_cast<void>(parmap::map(range, item, options)); }), what);
    expect(comes_out_of([&] { static_cast<void>(parmap::map_reduce(range, item, 0, sum, options)); }), what);
    expect(comes_out_of([&] {
               for (const int result : parmap::stream(range, item, {.max_workers = 2})) expect(result < failing, what);
           }),
           what);
    expect(comes_out_of([&] {
               parmap::task_graph graph;
               const auto numbers = graph.add("numbers", [&] { return std::vector<int>(range.begin(), range.end()); });
               static_cast<void>(graph.map("items", numbers, item));
               graph.run();
           }),
           what);
    expect(comes_out_of([&] {
               const auto tried = parmap::try_map(range, item, options);
               expect(tried.failures.size() == 1 && tried.failures[0].index == failing, what);
               std::rethrow_exception(tried.failures.at(0).error);
           }),
           what);
}

void exceptions()
{
    using namespace std::string_literals;
    crosses<int>(
        "an int", [] { throw 42; }, [](int e) { return e == 42; });
    crosses<reason>(
        "an enum", [] { throw reason::full; }, [](reason e) { return e == reason::full; });
    crosses<const char*>(
        "a literal", [] { throw "text"; }, [](const char* e) { return e == "text"s; });
    crosses<std::string>(
        "a string", [] { throw "text"s; }, [](const std::string& e) { return e == "text"; });
    crosses<std::out_of_range>(
        "one of the standard library", [] { static_cast<void>(std::vector<int>().at(1)); },
        [](const std::out_of_range&) { return true; });
    crosses<std::bad_alloc>(
        "bad_alloc", [] { throw std::bad_alloc(); }, [](const std::bad_alloc&) { return true; });
    crosses<std::system_error>(
        "system_error", [] { throw std::system_error(ENOENT, std::generic_category(), "file"); },
        [](const std::system_error& e) { return e.code() == std::errc::no_such_file_or_directory; });
    crosses<own_error>(
        "one's own", [] { throw own_error(); }, [](const own_error& e) { return *e.notes == "kept"; });
    crosses<std::runtime_error>(
        "one's own by its base", [] { throw own_error(); },
        [](const std::runtime_error& e) { return e.what() == "own"s; });
    crosses<std::exception>(
        "of several bases", [] { throw diamond(); }, [](const std::exception& e) { return e.what() == "diamond"s; });
    crosses<std::nested_exception>(
        "nested",
        [] {
            try {
                throw 42;
            } catch (...) {
                std::throw_with_nested(own_error());
            }
        },
        [](const std::nested_exception& e) {
            try {
                e.rethrow_nested();
            } catch (int inner) {
                return inner == 42;
            }
            return false;
        });
    crosses<parmap::cancelled>(
        "one of parmap", [] { throw parmap::cancelled(parmap::stop_reason::timed_out, 3, 5); },
        [](const parmap::cancelled& e) { return e.completed() == 3 && e.total() == 5; });
}

void results()
{
    const std::vector<std::string> words{"one", "three"};
    const std::vector<std::size_t> lengths = parmap::map(words, &std::string::size, {.max_workers = 4});
    expect(lengths == std::vector<std::size_t>{3, 5}, "a member function");
    const auto halves = parmap::map_to<parmap::vector<float>>(std::views::iota(0, 1000), [](int x) { return x / 2.0; });
    expect(halves[999] > 499.4F && halves[999] < 499.6F, "results in a parmap::vector");
    try {
        parmap::for_each(words, [](const std::string&) {}, {.timeout = std::chrono::seconds(0)});
        expect(false, "a timeout of nothing");
    } catch (const parmap::cancelled& c) {
        expect(c.total() == 2, "what a timeout says");
    }
}

}  // namespace

int main()
{
    results();
    exceptions();
    if (!all_right) return 1;
    std::cout << "right, on " << parmap::describe(parmap::detect_cpu_limits()) << '\n';
}
