// SPDX-License-Identifier: Apache-2.0
// Thousands of random maps compared with a serial loop: the same results, exception and progress counts, and nothing
// leaks. What a case expects is compiled once; only the calls are templates.
#include <algorithm>
#include <atomic>
#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map.hpp>
#include <parmap/progress_scope.hpp>
#include <parmap/try_map.hpp>
#include <parmap/vector.hpp>

#include "support/counted.hpp"
#include "support/on_workers.hpp"
#include "support/random_cases.hpp"

namespace {

using namespace std::chrono_literals;
using parmap::testing::counted;
using parmap::testing::dice;
using parmap::testing::for_random_cases;
using parmap::testing::most_workers;
using parmap::testing::on_workers;

struct item_error {
    std::size_t index;
};

enum class algorithm : unsigned char { map, map_in_place, map_to_list, map_into, try_map, try_map_of_void, for_each };

/// One random case.
struct scenario {
    std::size_t size;
    int workers;
    std::optional<int> max_workers;
    std::size_t grain;
    std::vector<std::size_t> throws_at;
    std::optional<std::size_t> stops_at;  // the item that requests the stop
    std::optional<std::chrono::nanoseconds> timeout;
    bool with_progress;
    std::size_t longest;  // busy rounds of an item
    int spins;            // how often a failing item looks for another failing one, without yielding
    int kind;             // of range or of result, see check_kind
    algorithm which;

    bool throws(std::size_t i) const { return std::ranges::find(throws_at, i) != throws_at.end(); }
    bool times_out() const { return timeout == 0ns; }
    std::optional<std::size_t> lowest_throw() const
    {
        if (throws_at.empty()) return std::nullopt;
        return *std::ranges::min_element(throws_at);
    }
};

std::ostream& operator<<(std::ostream& out, const scenario& s)
{
    out << "size " << s.size << ", workers " << s.workers << ", max_workers " << s.max_workers.value_or(-1)
        << ", grain " << s.grain << ", kind " << s.kind << ", algorithm " << static_cast<int>(s.which) << ", throws at";
    for (const std::size_t i : s.throws_at) out << ' ' << i;
    if (s.stops_at) out << ", stops at " << *s.stops_at;
    if (s.timeout) out << ", timeout " << s.timeout->count();
    out << ", longest " << s.longest << ", spins " << s.spins;
    return out;
}

constexpr std::size_t kinds = 9;

scenario random_scenario(dice& random)
{
    scenario s{};
    s.size = random.below(random.one_in(10) ? 5000 : random.one_in(4) ? 3 : 300);
    s.workers = 1 + static_cast<int>(random.below(most_workers));
    if (random.one_in(5)) s.max_workers = static_cast<int>(random.below(2 * most_workers));
    s.grain = random.one_of<std::size_t>({0, 0, 1, 3, 64});
    if (s.size != 0 && random.one_in(2)) {
        for (std::size_t n = 1 + random.below(4); n != 0; --n) s.throws_at.push_back(random.below(s.size));
    }
    if (s.size != 0 && random.one_in(4)) s.stops_at = random.below(s.size);
    if (random.one_in(20)) s.timeout = random.one_of<std::chrono::nanoseconds>({0ns, 1h});
    s.with_progress = random.one_in(4);
    s.longest = random.one_of<std::size_t>({0, 1000, 10'000});
    s.spins = random.one_in(4) ? 50'000 : 0;
    s.kind = static_cast<int>(random.below(kinds));
    s.which = static_cast<algorithm>(random.below(static_cast<std::size_t>(algorithm::for_each) + 1));
    return s;
}

/// A case while it runs: its items, what they have done, and how the call ended.
class differential {
public:
    explicit differential(const scenario& s) : s_(s), runs_(s.size) {}

    /// Runs an item, except for its result.
    void item(std::size_t i, std::size_t element)
    {
        EXPECT_EQ(element, i) << s_;
        ++runs_[i];
        const std::size_t rounds = s_.longest == 0 ? 0 : i * 7919 % s_.longest;
        for (std::size_t n = 0; n < rounds; ++n) std::atomic_signal_fence(std::memory_order_seq_cst);
        if (s_.stops_at == i) stop_.request_stop();
        if (s_.throws(i)) {
            // In some cases it waits a little for another item that throws too.
            ++throwing_;
            for (int n = 0; n < s_.spins && throwing_ == 1; ++n) {
            }
            throw item_error{i};
        }
        ++returned_;
    }

    parmap::options options()
    {
        parmap::options options{
            .max_workers = s_.max_workers, .stop = stop_.get_token(), .timeout = s_.timeout, .grain_size = s_.grain};
        if (s_.with_progress) options.progress = [this](const parmap::progress_state& now) { last_ = now; };
        return options;
    }

    /// Called for each result that the call returned or wrote, at position i.
    void result(std::size_t i, bool is_right)
    {
        ++results_;
        ASSERT_TRUE(is_right) << s_ << ": " << i;
        ASSERT_EQ(runs_[i], 1) << s_ << ": " << i;
        ASSERT_FALSE(s_.throws(i)) << s_ << ": " << i;
    }

    template <class T>
    void outcome(const parmap::outcome<T>& all)
    {
        EXPECT_EQ(all.completed(), returned_) << s_;
        outcome(all.failures, all.stopped);
    }

    /// Makes the call, which passes its results to result(), and compares it with the serial loop.
    void check(const std::function<void()>& call)
    {
        std::optional<parmap::progress_phase> phase;  // the expected one, when there is only one
        try {
            call();
            if (!stopped_) {
                EXPECT_TRUE(s_.throws_at.empty()) << s_;
                EXPECT_EQ(returned_, s_.size) << s_;
                phase = parmap::progress_phase::finished;
            }
        } catch (const item_error& e) {
            EXPECT_EQ(s_.lowest_throw(), e.index) << s_;
            if (!s_.stops_at) phase = parmap::progress_phase::failed;
        } catch (const parmap::cancelled& c) {
            expect_stopped(c.reason());
            EXPECT_EQ(c.completed(), returned_) << s_;
            EXPECT_EQ(c.total(), s_.size) << s_;
            phase = parmap::progress_phase::cancelled;
        }
        for (const auto& count : runs_) ASSERT_LE(count, 1) << s_;
        EXPECT_TRUE(results_ == 0 || results_ == returned_) << s_;
        EXPECT_TRUE(!s_.times_out() || returned_ == 0U) << s_;
        EXPECT_EQ(last_.has_value(), s_.with_progress) << s_;
        if (!last_) return;
        EXPECT_EQ(last_->done, returned_) << s_;
        EXPECT_EQ(last_->total, s_.size) << s_;
        EXPECT_NE(last_->phase, parmap::progress_phase::running) << s_;
        EXPECT_EQ(last_->phase, phase.value_or(last_->phase)) << s_;
    }

private:
    void expect_stopped(parmap::stop_reason reason) const
    {
        EXPECT_EQ(reason, s_.times_out() ? parmap::stop_reason::timed_out : parmap::stop_reason::stop_requested) << s_;
        EXPECT_TRUE(s_.times_out() || s_.stops_at) << s_;
    }

    void outcome(const std::vector<parmap::failure>& failures, parmap::stop_reason reason)
    {
        auto failed = failures.begin();
        for (std::size_t i = 0; i < s_.size; ++i) {
            const bool failed_here = failed != failures.end() && failed->index == i;
            if (failed_here) ++failed;
            ASSERT_EQ(failed_here, runs_[i] == 1 && s_.throws(i)) << s_;
            ASSERT_TRUE(runs_[i] == 1 || reason != parmap::stop_reason::none) << s_;
        }
        EXPECT_EQ(failed, failures.end()) << s_;
        if (reason != parmap::stop_reason::none) expect_stopped(reason);
        stopped_ = reason != parmap::stop_reason::none || !failures.empty();
    }

    const scenario& s_;
    std::vector<std::atomic<int>> runs_;
    std::atomic<std::size_t> returned_{0};
    std::atomic<int> throwing_{0};
    std::size_t results_{0};
    std::stop_source stop_;
    bool stopped_{false};  // try_map reported a stop or failures instead of throwing
    std::optional<parmap::progress_state> last_;
};

/// The result of an item, for each type of result; it depends on the index alone.
template <class R>
R result_of(std::size_t i)
{
    if constexpr (std::is_same_v<R, bool>) {
        return i % 3 == 0;
    } else if constexpr (std::is_same_v<R, std::string>) {
        return "item " + std::to_string(i);
    } else if constexpr (std::is_same_v<R, std::unique_ptr<std::size_t>>) {
        return std::make_unique<std::size_t>(i);
    } else {
        return R(static_cast<int>(i));
    }
}

template <class R>
bool is_result_of(const R& result, std::size_t i)
{
    if constexpr (std::is_same_v<R, std::unique_ptr<std::size_t>>) {
        return result != nullptr && *result == i;
    } else if constexpr (std::is_same_v<R, counted>) {
        return result.value == static_cast<int>(i);
    } else {
        return result == result_of<R>(i);
    }
}

std::size_t index_of(std::integral auto element)
{
    return static_cast<std::size_t>(element);
}
std::size_t index_of(const std::string& element)
{
    return std::stoul(element);
}

template <class R>
struct item_with_index {
    R operator()(std::size_t i, const auto& element) const
    {
        test.item(i, index_of(element));
        return result_of<R>(i);
    }
    differential& test;
};

struct item_without_index {
    void operator()(const auto& element) const { test.item(index_of(element), index_of(element)); }
    differential& test;
};

template <class R>
void note_results(differential& test, const std::vector<std::optional<R>>& results)
{
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i]) test.result(i, is_result_of<R>(*results[i], i));
    }
}

template <class R>
void note_results(differential& test, const auto& results)
{
    std::size_t i = 0;
    for (const R& result : results) {
        test.result(i, is_result_of<R>(result, i));
        ++i;
    }
}

template <class R>
void call(const scenario& s, differential& test, auto& range)
{
    const item_with_index<R> item{test};
    const auto options = test.options();
    switch (s.which) {
        case algorithm::map:
            return note_results<R>(test, parmap::map(range, item, options));
        case algorithm::map_in_place:
            return note_results<R>(test, parmap::map_to<parmap::vector<R>>(range, item, options));
        case algorithm::map_to_list:
            return note_results<R>(test, parmap::map_to<std::list<R>>(range, item, options));
        case algorithm::map_into: {
            std::vector<std::optional<R>> out(s.size);
            try {
                parmap::map_into(range, out, item, options);
            } catch (...) {
                note_results(test, out);
                throw;
            }
            return note_results(test, out);
        }
        default: {
            const auto all = parmap::try_map(range, item, options);
            test.outcome(all);
            return note_results(test, all.values);
        }
    }
}

/// Algorithms without results: only the kind of range varies.
void call_without_results(const scenario& s, differential& test, auto& range)
{
    const item_without_index item{test};
    if (s.which == algorithm::for_each) return parmap::for_each(range, item, test.options());
    const auto all = parmap::try_map(range, item, test.options());
    test.outcome(all);
    for (std::size_t i = 0; i < s.size; ++i) {
        if (all.done[i]) test.result(i, true);
    }
}

template <class R>
void check(const scenario& s, auto&& range)
{
    differential test(s);
    test.check([&] {
        if (s.which < algorithm::try_map_of_void) {
            call<R>(s, test, range);
        } else {
            call_without_results(s, test, range);
        }
    });
}

/// Every kind of range with one type of result, and every type of result with one kind of range: no code of the library
/// depends on both.
void check_kind(const scenario& s)
{
    std::vector<int> numbers(s.size);
    for (std::size_t i = 0; i < s.size; ++i) numbers[i] = static_cast<int>(i);
    switch (s.kind) {
        case 0:
            return check<int>(s, std::views::iota(std::size_t{0}, s.size));
        case 1:
            return check<int>(s, std::list<int>(numbers.begin(), numbers.end()));
        case 2: {
            std::vector<std::string> texts;
            for (const int n : numbers) texts.push_back(std::to_string(n));
            return check<int>(s, texts);
        }
        case 3: {
            std::stringstream text;
            for (const int n : numbers) text << n << ' ';
            return check<int>(s, std::views::istream<int>(text));
        }
        case 4:
            return check<int>(s, numbers);
        case 5:
            return check<std::string>(s, numbers);
        case 6:
            return check<std::unique_ptr<std::size_t>>(s, numbers);
        case 7:
            return check<bool>(s, numbers);
        default:
            return check<counted>(s, numbers);
    }
}

TEST(Differential, RandomMapsDoWhatTheSerialLoopDoes)
{
    for_random_cases(20'000, [](dice& random) {
        const scenario s = random_scenario(random);
        on_workers(s.workers, [&] { check_kind(s); });
        EXPECT_EQ(counted::alive, 0) << s;
    });
}

TEST(Differential, RandomTrackedLoopsCountTheElementsThatTheyPass)
{
    for_random_cases(5'000, [](dice& random) {
        const std::size_t size = random.below(100);
        const std::size_t throws_at = random.below(200);
        const std::size_t leaves_at = random.below(200);
        const bool counts_by_hand = random.one_in(2);
        std::optional<parmap::progress_state> last;
        const auto watch = [&](const parmap::progress_state& now) { last = now; };
        const auto body = [&](std::size_t i) {
            if (i == throws_at) throw item_error{i};
            return i != leaves_at;
        };
        std::size_t passed = 0;
        auto phase = parmap::progress_phase::cancelled;
        try {
            const auto indices = std::views::iota(std::size_t{0}, size);
            if (counts_by_hand) {
                parmap::progress_scope scope(size, watch);
                for (const std::size_t i : indices) {
                    if (!body(i)) break;
                    scope.advance();
                    ++passed;
                }
            } else {
                for (const std::size_t i : parmap::tracked(indices, watch)) {
                    EXPECT_EQ(i, passed);
                    if (!body(i)) break;
                    ++passed;
                }
            }
            if (passed == size) phase = parmap::progress_phase::finished;
        } catch (const item_error& e) {
            EXPECT_EQ(e.index, passed);
            phase = parmap::progress_phase::failed;
        }
        EXPECT_EQ(passed, std::min({size, throws_at, leaves_at}));
        ASSERT_TRUE(last);
        EXPECT_EQ(last->done, passed);
        EXPECT_EQ(last->total, size);
        EXPECT_EQ(last->phase, phase);
    });
}

}  // namespace
