// SPDX-License-Identifier: Apache-2.0
// Each allocation of a call fails once, on whatever thread: the call throws std::bad_alloc or gives the right result,
// and nothing leaks, hangs or is lost.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <latch>
#include <list>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/stream.hpp>
#include <parmap/task_graph.hpp>
#include <parmap/trace.hpp>
#include <parmap/try_map.hpp>
#include <parmap/vector.hpp>
#include <parmap/zip.hpp>

#include "faults/allocations.hpp"
#include "mpi/block_queue.hpp"
#include "progress/screen.hpp"
#include "scheduler/workers.hpp"
#include "support/counted.hpp"
#include "support/on_workers.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::options;
using parmap::testing::content_of;
using parmap::testing::counted;
using parmap::testing::most_workers;
using parmap::testing::on_workers;
using parmap::testing::temporary_file;
using parmap::testing::temporary_folder;
using parmap::testing::with_cpus;
namespace allocations = parmap::testing::allocations;

constexpr std::size_t items = 8;

/// How often each item began.
std::array<std::atomic<int>, items> begun;

bool all_ran()
{
    return std::ranges::all_of(begun, [](const auto& times) { return times == 1; });
}

bool none_ran()
{
    return std::ranges::all_of(begun, [](const auto& times) { return times == 0; });
}

/// A pipe that a bar is drawn on.
class bar_pipe {
public:
    bar_pipe()
    {
        if (::pipe2(ends_.data(), O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    }
    bar_pipe(const bar_pipe&) = delete;
    bar_pipe& operator=(const bar_pipe&) = delete;
    ~bar_pipe()
    {
        for (const int end : ends_) ::close(end);
    }

    int fd() const { return ends_[1]; }

    bool has_frame() const
    {
        pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
        return ::poll(&readable, 1, 0) == 1;
    }

    /// What was drawn since the last call of drawn().
    std::string_view drawn()
    {
        const ssize_t bytes = ::read(ends_[0], text_.data(), text_.size());
        return {text_.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0))};
    }

private:
    std::array<int, 2> ends_{};
    std::array<char, 65'536> text_{};
};

/// The pipe that the current call draws on; null for a call without a bar.
bar_pipe* drawn_bar = nullptr;

/// An item of the current call requests a stop here; null: none does.
std::stop_source* to_be_stopped = nullptr;

/// Returns when the bar is drawn, when an allocation has failed, or when there is no bar.
void await_frame()
{
    while (drawn_bar != nullptr && !drawn_bar->has_frame() && !allocations::any_failed()) {
        std::this_thread::yield();
    }
}

void begin(std::size_t item)
{
    ++begun[item];
    // Long enough for the call to fork: one that ends within 10 us does not.
    for (std::atomic<int> i{0}; i != 1'000; ++i) {
    }
    if (item == 0) await_frame();
    if (item == 3 && to_be_stopped != nullptr) to_be_stopped->request_stop();
}

/// Longer than a std::string can hold without an allocation.
std::string text_of(std::size_t item)
{
    return "a text that is on the heap, of item " + std::to_string(item);
}

template <class Make>
auto made_of_all(const Make& make)
{
    std::vector<decltype(make(0))> all;
    for (std::size_t i = 0; i < items; ++i) all.push_back(make(i));
    return all;
}

const std::vector<std::string> texts = made_of_all(text_of);
const std::vector<std::size_t> numbers = made_of_all([](std::size_t i) { return i; });

const auto copy_text = [](std::size_t index, const std::string& text) {
    begin(index);
    return text;
};

const auto only_count = [](std::size_t index, auto&&...) { begin(index); };

/// A result that can only be moved, and counts its objects.
struct heavy {
    counted count;
    std::string text;
};

const auto make_heavy = [](std::size_t index, const std::string& text) {
    begin(index);
    return heavy{counted(static_cast<int>(index)), text};
};

/// The texts as a single-pass range.
class texts_once {
public:
    class iterator {
    public:
        using value_type = std::string;
        using difference_type = std::ptrdiff_t;

        std::string operator*() const { return texts[at_]; }
        iterator& operator++()
        {
            ++at_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t /*end*/) const { return at_ == items; }

    private:
        std::size_t at_{0};
    };

    static iterator begin() { return {}; }
    static std::default_sentinel_t end() { return {}; }
};

/// A call that throws, or returns whether its result is right.
struct call {
    std::string name;
    std::function<bool(const options&)> gives_the_right_result;
};

/// Options, made anew for each call.
struct way {
    std::string_view name;
    std::function<options()> requested;
};

#if defined(__SANITIZE_THREAD__)
constexpr bool sanitizer_opens_files = true;  // ThreadSanitizer reads symbols for its suppressions
#else
constexpr bool sanitizer_opens_files = false;
#endif

/// The lowest number that a new file would get.
int next_descriptor()
{
    const int fd = ::dup(2);
    ::close(fd);
    return fd;
}

/// Starts oneTBB and all of its threads before memory is short: without memory, oneTBB 2021.8 may hang when it starts,
/// and ends the program when a thread starts.
void start_all_threads()
{
    on_workers(most_workers, [] {
        std::latch all(most_workers);
        parmap::for_each(std::views::iota(0, most_workers), [&](int) { all.arrive_and_wait(); }, {.grain_size = 1});
    });
}

/// Waits until no more allocations are alive than before. \return false when that takes too long
bool falls_to(std::int64_t alive_before)
{
    // A task of a stream that is gone may stay queued until oneTBB's threads work again.
    for (int times = 0; times != 20; ++times) {
        if (allocations::alive_falls_to(alive_before, 1s)) return true;
        start_all_threads();
    }
    return false;
}

/// Makes one call, in which allocations `first` to `last` fail. \return whether any failed
bool attempt(const call& called, const way& how, int workers, std::uint64_t first = 1, std::uint64_t last = 0)
{
    std::ranges::fill(begun, 0);
    const std::int64_t alive_before = allocations::alive();
    const int descriptor = next_descriptor();
    bool right = false;
    bool hit = false;
    std::exception_ptr error;
    on_workers(workers, [&] {
        allocations::fail(first, last);
        try {
            right = called.gives_the_right_result(how.requested());
        } catch (...) {
            error = std::current_exception();
        }
        hit = allocations::stop_failing();
    });

    try {
        if (error != nullptr) std::rethrow_exception(error);
        EXPECT_TRUE(right);
    } catch (const std::bad_alloc&) {
        EXPECT_TRUE(hit);
    } catch (const std::exception& other) {
        ADD_FAILURE() << other.what();
    }
    error = nullptr;
    EXPECT_EQ(counted::alive, 0);
    EXPECT_TRUE(std::ranges::all_of(begun, [](const auto& times) { return times <= 1; }));
    if (::testing::Test::HasFailure()) return hit;  // the failure's text is an allocation
    EXPECT_TRUE(falls_to(alive_before)) << allocations::alive() - alive_before << " allocations leaked";
    if (!sanitizer_opens_files) {
        EXPECT_EQ(next_descriptor(), descriptor);
    }
    if (drawn_bar != nullptr) drawn_bar->drawn();
    return hit;
}

/// Lets each allocation of the call fail once, alone and with all after it. Each time the next call is right.
void fail_each_allocation_of(const call& called, const way& how, int workers)
{
    constexpr int most_unhit = 3;  // the number of allocations differs from run to run
    for (const bool with_all_after : {false, true}) {
        std::uint64_t n = 1;
        for (int unhit = 0; unhit != most_unhit; ++n) {
            SCOPED_TRACE("allocation " + std::to_string(n) + (with_all_after ? " and all after it" : ""));
            const bool hit = attempt(called, how, workers, n, with_all_after ? allocations::all : n);
            unhit = hit ? 0 : unhit + 1;
            attempt(called, how, workers);
            if (::testing::Test::HasFailure()) return;
        }
        EXPECT_GT(n, 1U + most_unhit) << "there was nothing to fail";
    }
}

const way plain{"plain", [] { return options{.grain_size = 1}; }};

void withstands_lack_of_memory(const call& called, const way& how = plain)
{
    start_all_threads();
    for (const int workers : {1, most_workers}) {
        SCOPED_TRACE(called.name + ", " + std::string(how.name) + ", " + std::to_string(workers) + " workers");
        on_workers(workers, [&] {
            // Makes what is allocated once a process or kept from call to call.
            for (int times = 0; times < 3; ++times) called.gives_the_right_result(how.requested());
        });
        if (drawn_bar != nullptr) drawn_bar->drawn();
        fail_each_allocation_of(called, how, workers);
        if (::testing::Test::HasFailure()) return;
    }
}

// The calls. Their items allocate unless a comment says that none does.

bool map_into_a_vector(const options& requested)
{
    return parmap::map(texts, copy_text, requested) == texts && all_ran();
}

bool map_to_results_that_only_move(const options& requested)
{
    const auto results = parmap::map(texts, make_heavy, requested);
    return std::ranges::equal(results, texts, {}, &heavy::text) && all_ran();
}

bool map_to_a_first_touch_vector(const options& requested)
{
    const auto results = parmap::map_to<parmap::vector<std::string>>(texts, copy_text, requested);
    return std::ranges::equal(results, texts) && all_ran();
}

bool map_to_a_list(const options& requested)
{
    const auto results = parmap::map_to<std::list<std::string>>(texts_once(), copy_text, requested);
    return std::ranges::equal(results, texts) && all_ran();
}

bool map_numbers(const options& requested)  // no item allocates
{
    const auto twice = [](std::size_t index, std::size_t number) {
        begin(index);
        return 2 * number;
    };
    const auto results = parmap::map_to<parmap::vector<std::size_t>>(numbers, twice, requested);
    return std::ranges::equal(results, numbers, {}, {}, [](std::size_t n) { return 2 * n; }) && all_ran();
}

bool for_each_item(const options& requested)  // no item allocates
{
    parmap::for_each(texts, only_count, requested);
    return all_ran();
}

bool map_over_a_zip(const options& requested)
{
    const auto join = [](std::size_t index, const std::string& text, std::size_t number) {
        begin(index);
        return number == index ? text : std::string();
    };
    return parmap::map(parmap::zip(texts, numbers), join, requested) == texts && all_ran();
}

/// A map within a map. Items of the inner map do not call begin().
bool map_within_a_map(const options& requested)
{
    const auto count_texts = [&](std::size_t index, std::size_t /*number*/) {
        begin(index);
        return parmap::map(texts, &std::string::size, {.grain_size = 1}).size();
    };
    const auto counts = parmap::map(numbers, count_texts, requested);
    return std::ranges::count(counts, items) == items && all_ran();
}

bool map_that_throws(const options& requested)
{
    const auto throw_some = [](std::size_t index, const std::string& text) {
        begin(index);
        if (index == 5 || index == 7) throw index;
        return text;
    };
    try {
        parmap::map(texts, throw_some, requested);
    } catch (const std::size_t& thrown) {
        return thrown == 5;
    }
    return false;
}

bool is_bad_alloc(const parmap::failure& failed)
{
    try {
        std::rethrow_exception(failed.error);
    } catch (const std::bad_alloc&) {
        return allocations::any_failed();
    } catch (...) {
        return false;
    }
}

bool try_map_of_texts(const options& requested)
{
    const auto results = parmap::try_map(texts, make_heavy, requested);
    auto failed = results.failures.begin();
    for (std::size_t i = 0; i < items; ++i) {
        const auto& value = results.values[i];
        if (begun[i] == 0 && results.stopped != parmap::stop_reason::none) continue;
        if (value && value->text == texts[i]) continue;
        if (value || failed == results.failures.end()) return false;
        if (failed->index != i || !is_bad_alloc(*failed++)) return false;
    }
    const bool whole = all_ran() || results.stopped != parmap::stop_reason::none;
    return failed == results.failures.end() && whole;
}

bool try_map_that_throws(const options& requested)  // no item allocates
{
    const auto throw_half = [](std::size_t index, std::size_t number) {
        begin(index);
        if (number % 2 == 1) throw index;
    };
    const auto results = parmap::try_map(numbers, throw_half, requested);
    if (results.failures.size() != items / 2 || !all_ran()) return false;
    for (std::size_t i = 0; i < items / 2; ++i) {
        if (results.failures[i].index != 2 * i + 1) return false;
    }
    return std::ranges::count(results.done, true) == items / 2;
}

const std::string all_texts = std::accumulate(texts.begin(), texts.end(), std::string());

bool reduce_texts(const options& requested)
{
    return parmap::map_reduce(texts, copy_text, std::string(), std::plus<>(), requested) == all_texts && all_ran();
}

bool stream_of_texts(const options& requested)
{
    std::size_t at = 0;
    for (const heavy& result : parmap::stream(texts_once(), make_heavy, requested)) {
        if (at == items || result.text != texts[at++]) return false;
    }
    return at == items && all_ran();
}

bool stream_of_numbers(const options& requested)  // no item allocates
{
    const auto count = [](std::size_t index, std::size_t number) {
        begin(index);
        return number;
    };
    std::size_t at = 0;
    for (const std::size_t number : parmap::stream(numbers, count, requested)) {
        if (number != at++) return false;
    }
    return at == items && all_ran();
}

bool texts_as_completed(const options& requested)
{
    std::array<bool, items> came{};
    for (const auto& [index, value] : parmap::as_completed(texts, make_heavy, requested)) {
        if (std::exchange(came.at(index), true) || value.text != texts[index]) return false;
    }
    return std::ranges::count(came, true) == items && all_ran();
}

struct built_graph {
    parmap::task_graph graph;
    parmap::task<std::string> joined;
};

/// A graph with a step that reads, a map, a reduction, and a step with a list of inputs.
built_graph texts_in_a_graph()
{
    parmap::task_graph graph;
    const auto read = graph.add("a step with a name on the heap", [] { return texts; });
    const auto copies = graph.map("a map with a name on the heap", read, copy_text);
    const auto reduced = graph.reduce("reduce", copies, std::string(), std::plus<>());
    const auto size_of = [](const std::string& text) { return std::to_string(text.size()); };
    const std::vector<parmap::task<std::string>> sizes{graph.add("one", size_of, reduced),
                                                       graph.add("two", size_of, reduced)};
    const auto join = [](const std::string& text, parmap::task_results<std::string> lengths) {
        return lengths[0] == lengths[1] ? text : std::string();
    };
    auto joined = graph.add("join", join, reduced, sizes);
    return {std::move(graph), std::move(joined)};
}

bool build_and_run_a_graph(const options& requested)
{
    auto [graph, joined] = texts_in_a_graph();
    graph.run(requested);
    return joined.get() == all_texts && all_ran();
}

bool feed_blocks(const options& requested)
{
    std::array<std::string, items> copies;
    const auto copy = [&](std::size_t i) {
        begin(i);
        copies.at(i) = texts[i];
    };
    const parmap::detail::run_limits limits(requested);
    parmap::detail::block_queue run(limits, parmap::detail::on_failure::stop);
    for (const std::size_t first : {0U, 3U}) {
        run.push(first, first == 0 ? 3 : items, parmap::detail::block_function(copy));
    }
    for (int ended = 0; ended != 2;) {
        if (const auto block = run.take_ended()) {
            block->ran.throw_unless_complete();
            ++ended;
        } else if (run.has_threads() || !run.help()) {
            run.wait_for(1ms);
        }
    }
    return std::ranges::equal(copies, texts) && all_ran();
}

/// A second run goes on after a failed one, and everything runs again after reset().
bool run_a_graph_again(const options& requested)
{
    auto [graph, joined] = texts_in_a_graph();
    try {
        graph.run(requested);
    } catch (const std::bad_alloc&) {
        std::ranges::fill(begun, 0);
        graph.run(requested);
    }
    if (joined.get() != all_texts) return false;
    graph.reset();
    std::ranges::fill(begun, 0);
    graph.run(requested);
    return joined.get() == all_texts && all_ran();
}

bool count_in_a_scope(const options& requested)  // no item allocates
{
    parmap::progress_scope scope(items, requested.progress);
    for (std::size_t i = 0; i < items; ++i) {
        begin(i);
        scope.advance();
    }
    return all_ran();
}

struct threw_too_late : std::exception {
    const char* what() const noexcept override { return "std::bad_alloc after an item had run"; }
};

/// A call whose items do not allocate: it throws std::bad_alloc before the first item, or every item runs.
call all_or_nothing(const call& called)
{
    return {called.name, [called](const options& requested) {
                try {
                    return called.gives_the_right_result(requested);
                } catch (const std::bad_alloc&) {
                    if (!none_ran()) throw threw_too_late();
                    throw;
                }
            }};
}

/// A call that one of its items stops; the stop may come too late.
call stopped(const call& called)
{
    return {"stopped " + called.name, [called](const options& requested) {
                std::stop_source source;
                options with_stop = requested;
                with_stop.stop = source.get_token();
                struct stop_here {
                    explicit stop_here(std::stop_source& here) { to_be_stopped = &here; }
                    ~stop_here() { to_be_stopped = nullptr; }
                } const marked(source);
                try {
                    return called.gives_the_right_result(with_stop);
                } catch (const parmap::cancelled& error) {
                    return error.reason() == parmap::stop_reason::stop_requested;
                }
            }};
}

/// A bar that is drawn at once on a pipe. The first item of a call waits for that.
class DrawnBar : public ::testing::Test {
protected:
    DrawnBar()
    {
        start_all_threads();
        drawn_bar = &pipe;
    }
    ~DrawnBar() override { drawn_bar = nullptr; }

    parmap::progress_bar bar(const char* label, std::chrono::milliseconds interval) const
    {
        return {
            .label = label, .delay = 0ms, .interval = interval, .style = parmap::bar_style::terminal, .fd = pipe.fd()};
    }

    way with_a_bar(parmap::bar_style style) const
    {
        return {style == parmap::bar_style::json ? "json" : "terminal", [this, style] {
                    parmap::progress_bar drawn = bar("a label that is on the heap", 10ms);
                    drawn.style = style;
                    return options{.progress = std::move(drawn), .grain_size = 1};
                }};
    }

    void withstands_it_with_a_bar(const call& called) const
    {
        withstands_lack_of_memory(called, with_a_bar(parmap::bar_style::json));
        withstands_lack_of_memory(called, with_a_bar(parmap::bar_style::terminal));
    }

    bar_pipe pipe;
};

const way any_block_size{"blocks of any size", [] { return options{}; }};

const way with_function{"function", [] {
                            const std::array<std::uint64_t, 8> large{};  // std::function allocates for it
                            return options{.progress =
                                               [large](const parmap::progress_state& state) {
                                                   static_cast<void>(large[state.done % large.size()]);
                                               },
                                           .grain_size = 1};
                        }};

const way with_timeout{"timeout", [] { return options{.timeout = 1h, .grain_size = 1}; }};

/// With every option but a bar.
void withstands_lack_of_memory_in_every_way(const call& called)
{
    for (const way& how : {plain, with_function, with_timeout}) withstands_lack_of_memory(called, how);
    const temporary_file file;
    const way traced{"trace", [&file] { return options{.grain_size = 1, .trace = file.path()}; }};
    withstands_lack_of_memory(called, traced);
}

enum class child_result : int { right, right_without_a_fault, wrong };

/// Makes two calls in a child process; in the first, allocation `number` of the calling thread fails. On that thread
/// only, because threads of oneTBB may start meanwhile.
child_result attempt_in_a_child(const call& called, const way& how, std::uint64_t number)
{
    const pid_t child = ::fork();
    if (child == 0) {
        std::ranges::fill(begun, 0);
        bool right = false;
        allocations::fail_here(number, number);
        try {
            right = called.gives_the_right_result(how.requested());
        } catch (const std::bad_alloc&) {
            right = allocations::any_failed();
        }
        const bool hit = allocations::stop_failing();
        std::ranges::fill(begun, 0);
        if (!right || !called.gives_the_right_result(how.requested()))
            std::_Exit(static_cast<int>(child_result::wrong));
        std::_Exit(static_cast<int>(hit ? child_result::right : child_result::right_without_a_fault));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? child_result{WEXITSTATUS(status)} : child_result::wrong;
}

bool for_each_of_none(const options& requested)
{
    parmap::for_each(std::vector<int>(), only_count, requested);
    return true;
}

// The first test, so that the call in the child is the first of the process.
TEST(LackOfMemory, TheFirstCallOfAProcessThrowsOrIsRight)
{
    start_all_threads();
    for (const auto& called : std::vector<call>{{"for_each of none", for_each_of_none},
                                                {"for_each", for_each_item},
                                                {"stream", stream_of_numbers},
                                                {"graph", build_and_run_a_graph}}) {
        auto result = child_result::right;
        for (std::uint64_t n = 1; result == child_result::right; ++n) {
            result = attempt_in_a_child(called, with_function, n);
            EXPECT_NE(result, child_result::wrong) << called.name << ", allocation " << n;
        }
    }
}

TEST(LackOfMemory, MapThrowsOrGivesEveryResult)
{
    for (const auto& called : std::vector<call>{{"map", map_into_a_vector},
                                                {"map to parmap::vector", map_to_a_first_touch_vector},
                                                {"map to a list", map_to_a_list},
                                                {"map over a zip", map_over_a_zip},
                                                {"map within a map", map_within_a_map},
                                                {"map that throws", map_that_throws}}) {
        withstands_lack_of_memory(called);
        withstands_lack_of_memory(called, any_block_size);
    }
    withstands_lack_of_memory_in_every_way({"map to what only moves", map_to_results_that_only_move});
}

TEST(LackOfMemory, ItemsThatDoNotAllocateAllRunOrNone)
{
    withstands_lack_of_memory_in_every_way(all_or_nothing({"for_each", for_each_item}));
    withstands_lack_of_memory_in_every_way(all_or_nothing({"map of numbers", map_numbers}));
}

TEST(LackOfMemory, TryMapThrowsOrReportsEachItemThatFailed)
{
    withstands_lack_of_memory_in_every_way({"try_map", try_map_of_texts});
    withstands_lack_of_memory_in_every_way({"try_map that throws", try_map_that_throws});
}

TEST(LackOfMemory, MapReduceThrowsOrCombinesEveryItem)
{
    withstands_lack_of_memory_in_every_way({"map_reduce", reduce_texts});
}

TEST(LackOfMemory, AStreamThrowsOrGivesEveryResult)
{
    withstands_lack_of_memory_in_every_way({"stream", stream_of_texts});
    withstands_lack_of_memory_in_every_way({"stream of numbers", stream_of_numbers});
    withstands_lack_of_memory_in_every_way({"as_completed", texts_as_completed});
}

TEST(LackOfMemory, AGraphThrowsOrRunsEveryStep)
{
    withstands_lack_of_memory_in_every_way({"graph", build_and_run_a_graph});
    withstands_lack_of_memory({"graph again", run_a_graph_again});
}

std::string without_addition()
{
    parmap::task_graph graph;
    graph.map("copy", graph.add("read", [] { return texts; }), copy_text);
    return graph.dot();
}

TEST(LackOfMemory, ABlockQueueThrowsOrRunsEveryItem)
{
    withstands_lack_of_memory({"block_queue", feed_blocks});
    withstands_lack_of_memory({"block_queue", feed_blocks}, any_block_size);
}

TEST(LackOfMemory, AStepIsAddedWhollyOrNotAtAll)
{
    using parmap::task;
    using parmap::task_graph;
    using list = task<std::vector<std::string>>;
    const std::vector<std::function<void(task_graph&, const list&)>> additions{
        [](task_graph& graph, const list& read) {
            const auto count_all = [](parmap::task_results<std::vector<std::string>> all) { return all.size(); };
            graph.add("a step with a name on the heap", count_all, std::vector{read, read, read});
        },
        [](task_graph& graph, const list& read) { graph.map("map", read, &std::string::size); },
        [](task_graph& graph, const list& read) { graph.reduce("reduce", read, std::string(), std::plus<>()); }};
    for (std::size_t way_to_add = 0; way_to_add < additions.size(); ++way_to_add) {
        bool hit = true;
        for (std::uint64_t n = 1; hit; ++n) {
            SCOPED_TRACE("addition " + std::to_string(way_to_add) + ", allocation " + std::to_string(n));
            task_graph graph;
            const auto read = graph.add("read", [] { return texts; });
            const std::string before = graph.dot();
            bool added = true;
            allocations::fail(n, n);
            try {
                additions[way_to_add](graph, read);
            } catch (const std::bad_alloc&) {
                added = false;
            }
            hit = allocations::stop_failing();
            EXPECT_NE(added, hit);
            EXPECT_EQ(graph.size(), added ? 2U : 1U);
            EXPECT_EQ(graph.dot() == before, !added);
            const auto copies = graph.map("copy", read, copy_text);
            EXPECT_EQ(graph.dot() == without_addition(), !added);
            std::ranges::fill(begun, 0);
            graph.run();
            EXPECT_EQ(copies.get(), texts);
        }
    }
}

TEST(LackOfMemory, AGraphIsDrawnWhollyOrNotAtAll)
{
    const auto [graph, joined] = texts_in_a_graph();
    const std::string drawn = graph.dot();
    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        allocations::fail(n, n);
        try {
            const std::string again = graph.dot();
            hit = allocations::stop_failing();
            EXPECT_EQ(again, drawn);
        } catch (const std::bad_alloc&) {
            hit = allocations::stop_failing();
            EXPECT_TRUE(hit);
        }
    }
}

TEST(LackOfMemory, AStoppedCallThrowsBadAllocOrCancelled)
{
    for (const auto& called : std::vector<call>{{"map", map_into_a_vector},
                                                {"try_map", try_map_of_texts},
                                                {"map_reduce", reduce_texts},
                                                {"stream", stream_of_texts},
                                                {"as_completed", texts_as_completed},
                                                {"graph", build_and_run_a_graph}}) {
        withstands_lack_of_memory(stopped(called));
    }
}

TEST(LackOfMemory, ATraceNeverGivesACallTheNameOfAnother)
{
    const auto recorded = [](std::string_view label, const parmap::trace_file& trace) {
        parmap::for_each(
            numbers, only_count,
            {.max_workers = 1,
             .progress = parmap::progress_bar{.label = std::string(label), .style = parmap::bar_style::off},
             .trace = trace});
    };
    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        const temporary_file file;
        {
            const parmap::trace_file trace(file.path());
            recorded("the first call", trace);
            allocations::fail(n, n);
            try {
                recorded("the second call", trace);
            } catch (const std::bad_alloc&) {
                // Then there was no second call.
            }
            hit = allocations::stop_failing();
        }
        const std::string content = content_of(file.path());
        const std::string first = R"("name":"the first call","cat":"call")";
        const std::size_t place = content.find(first);
        EXPECT_NE(place, std::string::npos) << "allocation " << n;
        EXPECT_EQ(content.find(first, place + 1), std::string::npos) << "allocation " << n;
    }
}

TEST(LackOfMemory, ReadingAQuotaThrowsOrGivesTheQuota)
{
    const temporary_folder root;
    root.write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev - cgroup2 cgroup2 rw,nsdelegate");
    root.write("proc/self/cgroup", "0::/a group/with a name/on the heap");
    root.write("sys/fs/cgroup/a group/with a name/on the heap/cpu.max", "15000000000000000 10000000000000000");

    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        SCOPED_TRACE("allocation " + std::to_string(n));
        std::optional<double> quota;
        allocations::fail(n, n);
        try {
            quota = parmap::detail::limits_of({.hardware = 64, .affinity = 64, .root = root.path()}).quota;
            hit = allocations::stop_failing();
            EXPECT_EQ(quota, 1.5);
        } catch (const std::bad_alloc&) {
            hit = allocations::stop_failing();
            EXPECT_TRUE(hit);
        }
    }
}

TEST_F(DrawnBar, IsDroppedWithoutMemoryAndTheWorkGoesOn)
{
    withstands_it_with_a_bar(all_or_nothing({"for_each", for_each_item}));
    withstands_it_with_a_bar(all_or_nothing({"progress_scope", count_in_a_scope}));
    withstands_it_with_a_bar({"map", map_to_results_that_only_move});
    withstands_it_with_a_bar({"stream", stream_of_texts});
    withstands_it_with_a_bar({"graph", build_and_run_a_graph});
}

TEST_F(DrawnBar, OfAScopeThrowsNothingWithoutMemory)
{
    const options with_bar = with_a_bar(parmap::bar_style::terminal).requested();
    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        SCOPED_TRACE("allocation " + std::to_string(n));
        std::ranges::fill(begun, 0);
        allocations::fail(n, n);
        EXPECT_NO_THROW(count_in_a_scope(with_bar));
        hit = allocations::stop_failing();
        EXPECT_TRUE(all_ran());
        pipe.drawn();
    }
}

TEST_F(DrawnBar, LeavesNoLineBelowOthersWithoutMemory)
{
    const way with_bar = with_a_bar(parmap::bar_style::terminal);
    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        {
            parmap::progress_scope other(items, bar("the other bar, which is not drawn again", 1h));
            await_frame();
            pipe.drawn();
            allocations::fail(n, n);
            try {
                for_each_item(with_bar.requested());
            } catch (const std::bad_alloc&) {
                // Then there was no bar.
            }
            hit = allocations::stop_failing();
            pipe.drawn();
        }
        // When the other bar ends, the lines below it are drawn again.
        EXPECT_EQ(pipe.drawn().find("a label that is on the heap"), std::string_view::npos) << "allocation " << n;
    }
}

TEST_F(DrawnBar, IsFreedThoughItEndsDuringAFrameWithoutMemory)
{
    const parmap::progress_scope other(items, bar("the other bar, which is not drawn again", 1h));
    await_frame();
    for (std::uint64_t n = 1; n <= 10; ++n) {
        const std::int64_t alive_before = allocations::alive();
        pipe.drawn();
        const auto hold_the_next_frame = [&](std::size_t /*number*/) {
            await_frame();
            allocations::hold(n);
            while (!allocations::is_one_held()) std::this_thread::yield();
        };
        // The call ends while the reporter's thread is held, so that thread removes the bar.
        parmap::for_each(std::views::single(n), hold_the_next_frame,
                         {.max_workers = 1, .progress = bar("a label that is on the heap", 10ms)});
        allocations::fail(1, allocations::all);
        allocations::let_go();
        // The call has five allocations and frees them last. The screen may keep two more than before.
        const bool over = allocations::alive_falls_to(alive_before + 2, 20s);
        EXPECT_TRUE(allocations::stop_failing());
        EXPECT_TRUE(over) << "allocation " << n;
    }
}

TEST_F(DrawnBar, LetsALineOfTheProgramThroughWithoutMemoryToDrawAgain)
{
    parmap::detail::progress_screen screen(pipe.fd());
    bool hit = true;
    for (std::uint64_t n = 1; hit; ++n) {
        screen.set(this, "a line that is on the heap, below what is written");
        screen.draw();
        int written = 0;
        bool threw = false;
        allocations::fail(n, n);
        try {
            screen.without_lines([&] { ++written; }, std::chrono::steady_clock::now() + 1h);
        } catch (const std::bad_alloc&) {
            threw = true;
        }
        hit = allocations::stop_failing();
        EXPECT_EQ(written, threw ? 0 : 1) << "allocation " << n;
        pipe.drawn();
    }
}

}  // namespace
