// SPDX-License-Identifier: Apache-2.0
// Thousands of random task graphs against a serial evaluation: same results, same exception, the steps that the
// rules say run, and each result kept exactly as long as it is wanted.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <parmap/map.hpp>
#include <parmap/task_graph.hpp>

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

// Values

std::uint32_t mix(std::uint32_t a, std::uint32_t b)
{
    return (a ^ (b + 0x9e3779b9U + (a << 6U) + (a >> 2U))) * 2'654'435'761U;
}

int as_value(std::uint32_t digest)
{
    return static_cast<int>(digest & 0x7fffffffU);
}

/// Counted, so that it shows when it is freed.
struct number : counted {
    using counted::counted;
};

/// x -> a x + b. To combine two is associative and not commutative.
struct affine {
    affine(std::uint32_t factor, std::uint32_t summand) : a(factor), b(summand) {}
    affine(const number& n)
        : a(mix(1, static_cast<std::uint32_t>(n.value))),
          b(mix(2, static_cast<std::uint32_t>(n.value)))
    {
    }

    friend affine operator*(const affine& x, const affine& y) { return {x.a * y.a, x.a * y.b + x.b}; }

    std::uint32_t a;
    std::uint32_t b;
};

std::uint32_t digest_of(const number& n)
{
    return static_cast<std::uint32_t>(n.value);
}
std::uint32_t digest_of(const affine& f)
{
    return mix(f.a, f.b);
}
template <class Numbers>
    requires std::ranges::range<Numbers>
std::uint32_t digest_of(const Numbers& all)
{
    std::uint32_t digest = 17;
    for (const number& n : all) digest = mix(digest, digest_of(n));
    return digest;
}

using list = std::vector<number>;
using parmap::task;
using handle = std::variant<std::monostate, task<number>, task<list>, task<affine>, task<void>>;

// Cases

enum class kind : std::uint8_t { number, numbers, affine, nothing };  // of a result

enum class form : std::uint8_t {  // what a step is, and reads
    of_nothing,
    of_number,
    of_number_and_affine,
    of_void_number_and_list,
    of_lists,
    of_numbers,
    of_numbers_voids_and_affine,
    map,
    map_with_index,
    map_to_nothing,
    reduce
};

bool is_map(form f)
{
    return f >= form::map;
}

struct step_plan {
    form what;
    kind gives;
    std::vector<std::size_t> reads;       // in the order of the arguments
    std::size_t vector_of_numbers{0};     // how many of these are in its vector of tasks, and
    std::size_t vector_of_voids{0};       // in its second one
    std::optional<std::size_t> fails_at;  // of a function and a reduction: 0; of a map, the item from which all fail
    std::optional<std::size_t> stops_at;  // likewise
    std::optional<std::size_t> drops;     // the handle of this step
    std::size_t longest{24};              // of its list
    int yields{0};
    bool nests{false};
};

struct scenario {
    std::vector<step_plan> steps;
    std::vector<bool> handle_kept;
    std::size_t split;  // steps before it are run before the others are added
    std::array<int, 4> workers;
    std::size_t grain;
    bool stopped_before;
    bool timed_out;
};

/// Makes the plan of one graph, step by step.
class planner {
public:
    explicit planner(dice& random) : random_(random) {}

    scenario plan()
    {
        scenario s{};
        const std::size_t size = random_.one_in(5) ? random_.below(201) : random_.below(30);
        const bool faults = random_.below(3) != 0;
        s.split = random_.one_in(5) && size != 0 ? random_.below(size) : 0;
        for (std::size_t i = 0; i < size; ++i) {
            s.steps.push_back(step(i));
            if (i < s.split) continue;
            step_plan& added = s.steps.back();
            const bool knows_the_item = added.what == form::map_with_index || added.what == form::map_to_nothing;
            const std::size_t most_items = knows_the_item ? 20 : 1;
            if (faults && random_.one_in(size)) added.fails_at = random_.below(most_items);
            if (faults && random_.one_in(4 * size)) added.stops_at = random_.below(most_items);
        }
        std::vector<bool> dropped(size);
        for (std::size_t i = 0; i < size; ++i) {
            s.handle_kept.push_back(random_.below(3) != 0);
            const std::size_t other = random_.below(i + 1);
            if (i < s.split || is_map(s.steps[i].what) || dropped[other] || !random_.one_in(10)) continue;
            dropped[other] = true;
            s.steps[i].drops = other;
        }
        for (int& workers : s.workers)
            workers = 1 + static_cast<int>(random_.below(random_.one_in(3) ? most_workers : 3));
        s.grain = random_.one_in(3) ? 1 : 0;
        s.stopped_before = random_.one_in(50);
        s.timed_out = random_.one_in(50);
        return s;
    }

private:
    step_plan step(std::size_t i)
    {
        step_plan p{};
        p.what = static_cast<form>(random_.below(static_cast<std::size_t>(form::reduce) + 1));
        if (!can_be(p.what)) p.what = form::of_nothing;
        p.gives = std::array{kind::number, kind::number, kind::numbers, kind::nothing}.at(random_.below(4));
        if (random_.one_in(30)) p.longest = 2000;
        if (random_.one_in(10)) p.yields = static_cast<int>(random_.below(4));
        p.nests = random_.one_in(40);
        const auto read = [&](kind k) { p.reads.push_back(random_.one_of(of(k))); };
        const auto read_some = [&](kind k) {
            const std::size_t count = of(k).empty() ? 0 : random_.below(8);
            for (std::size_t n = 0; n < count; ++n) read(k);
            return count;
        };
        switch (p.what) {
            case form::of_nothing:
                break;
            case form::of_number:
                read(kind::number);
                break;
            case form::of_number_and_affine:
                read(kind::number);
                read(kind::affine);
                break;
            case form::of_void_number_and_list:
                read(kind::nothing);
                read(kind::number);
                read(kind::numbers);
                break;
            case form::of_lists:
                read(kind::numbers);
                read(kind::numbers);
                break;
            case form::of_numbers:
                p.vector_of_numbers = read_some(kind::number);
                break;
            case form::of_numbers_voids_and_affine:
                p.vector_of_numbers = read_some(kind::number);
                p.vector_of_voids = read_some(kind::nothing);
                read(kind::affine);
                break;
            case form::map:
            case form::map_with_index:
                p.gives = kind::numbers;
                read(kind::numbers);
                break;
            case form::map_to_nothing:
                p.gives = kind::nothing;
                read(kind::numbers);
                break;
            case form::reduce:
                p.gives = kind::affine;
                read(kind::numbers);
                break;
        }
        of(p.gives).push_back(i);
        return p;
    }

    bool can_be(form f)
    {
        const bool numbers = !of(kind::number).empty();
        const bool lists = !of(kind::numbers).empty();
        const bool affines = !of(kind::affine).empty();
        switch (f) {
            case form::of_nothing:
            case form::of_numbers:
                return true;
            case form::of_number:
                return numbers;
            case form::of_number_and_affine:
                return numbers && affines;
            case form::of_void_number_and_list:
                return numbers && lists && !of(kind::nothing).empty();
            case form::of_numbers_voids_and_affine:
                return affines;
            default:
                return lists;
        }
    }

    std::vector<std::size_t>& of(kind k) { return steps_of_kind_.at(static_cast<std::size_t>(k)); }

    dice& random_;
    std::array<std::vector<std::size_t>, 4> steps_of_kind_;
};

// What a serial evaluation gives

struct expectation {
    std::uint32_t digest;     // of the result; of a step without, of what it read
    std::vector<int> values;  // of a list
    std::size_t calls;        // of a function, 1; of a map, one for each item; of a reduction, those of its operation
    std::uint32_t sum;        // of what the calls were given
};

std::uint32_t digest_of_values(const std::vector<int>& values)
{
    std::uint32_t digest = 17;
    for (const int v : values) digest = mix(digest, static_cast<std::uint32_t>(v));
    return digest;
}

int mapped(std::size_t step, std::size_t index, int value)
{
    return as_value(mix(mix(static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(index)),
                        static_cast<std::uint32_t>(value)));
}

std::size_t length_of(const step_plan& plan, std::uint32_t digest)
{
    return digest % plan.longest;
}

expectation evaluate_function(const step_plan& plan, std::size_t i, const std::vector<step_plan>& steps,
                              const std::vector<expectation>& before)
{
    std::uint32_t digest = static_cast<std::uint32_t>(i);
    std::size_t at = 0;
    const bool of_vector = plan.what == form::of_numbers || plan.what == form::of_numbers_voids_and_affine;
    if (of_vector) {
        std::vector<int> values;
        for (; at < plan.vector_of_numbers; ++at) values.push_back(static_cast<int>(before[plan.reads[at]].digest));
        digest = mix(digest, digest_of_values(values));
    }
    for (; at < plan.reads.size(); ++at) {
        const std::size_t input = plan.reads[at];
        if (steps[input].gives != kind::nothing) digest = mix(digest, before[input].digest);
    }
    expectation e{.digest = digest, .values = {}, .calls = 1, .sum = digest};
    if (plan.gives == kind::number) e.digest = static_cast<std::uint32_t>(as_value(digest));
    if (plan.gives == kind::numbers) {
        for (std::uint32_t k = 0; k < length_of(plan, digest); ++k) e.values.push_back(as_value(mix(digest, k)));
        e.digest = digest_of_values(e.values);
    }
    return e;
}

expectation evaluate_map(const step_plan& plan, std::size_t i, const std::vector<int>& values)
{
    expectation e{.digest = 0, .values = {}, .calls = values.size(), .sum = 0};
    if (plan.what == form::reduce) {
        affine all(3, 5);
        for (const int v : values) {
            const auto digest = static_cast<std::uint32_t>(v);
            all = all * affine(mix(1, digest), mix(2, digest));
        }
        e.digest = digest_of(all);
        return e;
    }
    for (std::size_t k = 0; k < values.size(); ++k) {
        e.sum += static_cast<std::uint32_t>(values[k]);
        if (plan.what != form::map_to_nothing)
            e.values.push_back(mapped(i, plan.what == form::map_with_index ? k : 0, values[k]));
    }
    e.digest = digest_of_values(e.values);
    return e;
}

std::vector<expectation> evaluate(const std::vector<step_plan>& steps)
{
    std::vector<expectation> all;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        all.push_back(is_map(steps[i].what) ? evaluate_map(steps[i], i, all[steps[i].reads.front()].values)
                                            : evaluate_function(steps[i], i, steps, all));
    }
    return all;
}

// The graph itself

class step_error : public std::runtime_error {
public:
    step_error(std::size_t at, std::size_t of_item)
        : std::runtime_error("step " + std::to_string(at) + ", item " + std::to_string(of_item)),
          step(at),
          item(of_item)
    {
    }

    std::size_t step;
    std::size_t item;
};

enum class state : char { waiting, done, failed, skipped };

/// As the picture has them.
std::vector<state> states_of(const parmap::task_graph& graph)
{
    std::vector<state> states;
    const std::string picture = graph.dot();
    constexpr std::string_view key = "fillcolor=";
    for (std::size_t at = picture.find(key); at != std::string::npos; at = picture.find(key, at)) {
        at += key.size();
        const auto is = [&](std::string_view colour) { return picture.compare(at, colour.size(), colour) == 0; };
        states.push_back(is("palegreen")    ? state::done
                         : is("lightcoral") ? state::failed
                         : is("lightgrey")  ? state::skipped
                                            : state::waiting);
    }
    return states;
}

/// What was called in a step, since it was done last.
struct tally {
    std::atomic<std::size_t> begun{0};
    std::atomic<std::size_t> returned{0};
    std::atomic<std::uint32_t> sum{0};

    void clear()
    {
        begun = 0;
        returned = 0;
        sum = 0;
    }
};

class random_graph {
public:
    explicit random_graph(const scenario& plan)
        : plan_(plan),
          expected_(evaluate(plan.steps)),
          tallies_(plan.steps.size()),
          handles_(plan.steps.size())
    {
    }

    void check()
    {
        add_until(plan_.split);
        if (plan_.split != 0) on_workers(plan_.workers[0], [&] { graph_->run(); });
        check_states_after_a_whole_run();
        add_until(size());
        for (std::size_t i = 0; i < size(); ++i) {
            if (!plan_.handle_kept[i]) handles_[i] = std::monostate();
        }
        check_what_is_alive();

        faults_ = true;
        run_with_faults();
        faults_ = false;

        clear_tallies_of_all_but_the_done();
        on_workers(plan_.workers[2], [&] { graph_->run({.grain_size = plan_.grain}); });
        check_whole_run();

        graph_->reset();
        EXPECT_EQ(counted::alive, 0);
        clear_tallies_of_all_but_the_done();
        on_workers(plan_.workers[3], [&] { graph_->run({.grain_size = plan_.grain}); });
        check_whole_run();

        const int alive = counted::alive;
        graph_.reset();
        EXPECT_EQ(counted::alive, alive) << "handles outlive the graph";
        for (std::size_t i = 0; i < size(); ++i) {
            check_result(i);
            take_result(i);
        }
        EXPECT_EQ(counted::alive, 0) << "nothing is left where a result was taken";
        handles_.clear();
        EXPECT_EQ(counted::alive, 0);
    }

private:
    std::size_t size() const { return plan_.steps.size(); }

    // How it is built

    void add_until(std::size_t end)
    {
        for (std::size_t i = graph_->size(); i < end; ++i) handles_[i] = add(i, plan_.steps[i]);
        states_ = states_of(*graph_);
    }

    template <class T>
    const task<T>& input(const step_plan& plan, std::size_t n) const
    {
        return std::get<task<T>>(handles_[plan.reads[n]]);
    }

    template <class T>
    std::vector<task<T>> inputs(const step_plan& plan, std::size_t begin, std::size_t count) const
    {
        std::vector<task<T>> all;
        for (std::size_t n = begin; n < begin + count; ++n) all.push_back(input<T>(plan, n));
        return all;
    }

    handle add(std::size_t i, const step_plan& p)
    {
        const std::size_t numbers = p.vector_of_numbers;
        const std::size_t voids = p.vector_of_voids;
        switch (p.what) {
            case form::of_nothing:
                return add_function(i);
            case form::of_number:
                return add_function(i, input<number>(p, 0));
            case form::of_number_and_affine:
                return add_function(i, input<number>(p, 0), input<affine>(p, 1));
            case form::of_void_number_and_list:
                return add_function(i, input<void>(p, 0), input<number>(p, 1), input<list>(p, 2));
            case form::of_lists:
                return add_function(i, input<list>(p, 0), input<list>(p, 1));
            case form::of_numbers:
                return add_function(i, inputs<number>(p, 0, numbers));
            case form::of_numbers_voids_and_affine:
                return add_function(i, inputs<number>(p, 0, numbers), inputs<void>(p, numbers, voids),
                                    input<affine>(p, numbers + voids));
            case form::map:
                return graph_->map(name(i), input<list>(p, 0),
                                   [this, i](const number& n) { return number(item(i, 0, 0, n.value)); });
            case form::map_with_index:
                return graph_->map(name(i), input<list>(p, 0), [this, i](std::size_t k, const number& n) {
                    return number(item(i, k, k, n.value));
                });
            case form::map_to_nothing:
                return graph_->map(name(i), input<list>(p, 0),
                                   [this, i](std::size_t k, const number& n) { item(i, k, k, n.value); });
            case form::reduce:
                return graph_->reduce(name(i), input<list>(p, 0), affine(3, 5),
                                      [this, i](const affine& x, const affine& y) {
                                          combine(i);
                                          return x * y;
                                      });
        }
        return {};
    }

    static std::string name(std::size_t i) { return "step " + std::to_string(i); }

    template <class... Inputs>
    handle add_function(std::size_t i, const Inputs&... inputs)
    {
        switch (plan_.steps[i].gives) {
            case kind::number:
                return graph_->add(
                    name(i), [this, i](const auto&... read) { return number(as_value(this->function(i, read...))); },
                    inputs...);
            case kind::numbers:
                return graph_->add(
                    name(i), [this, i](const auto&... read) { return list_of(i, this->function(i, read...)); },
                    inputs...);
            default:
                return graph_->add(
                    name(i), [this, i](const auto&... read) { this->function(i, read...); }, inputs...);
        }
    }

    // What its steps do

    list list_of(std::size_t i, std::uint32_t digest) const
    {
        list all;
        for (std::uint32_t k = 0; k < length_of(plan_.steps[i], digest); ++k)
            all.emplace_back(as_value(mix(digest, k)));
        return all;
    }

    bool is_complete(std::size_t i) const { return tallies_[i].returned == expected_[i].calls; }

    void begin(std::size_t i)
    {
        ++tallies_[i].begun;
        for (const std::size_t input : plan_.steps[i].reads) EXPECT_TRUE(is_complete(input)) << i;
    }

    void fault(std::size_t i, std::size_t item)
    {
        const step_plan& plan = plan_.steps[i];
        if (!faults_) return;
        if (plan.stops_at == item) stop_.request_stop();
        if (plan.fails_at && item >= *plan.fails_at) throw step_error(i, item);
    }

    template <class... Read>
    std::uint32_t function(std::size_t i, const Read&... read)
    {
        begin(i);
        const step_plan& plan = plan_.steps[i];
        if (plan.drops) handles_[*plan.drops] = std::monostate();
        for (int n = 0; n < plan.yields; ++n) std::this_thread::yield();
        if (plan.nests) parmap::for_each(std::views::iota(0, 4), [](int) {}, {.grain_size = 1});
        fault(i, 0);
        auto digest = static_cast<std::uint32_t>(i);
        ((digest = mix(digest, digest_of(read))), ...);
        tallies_[i].sum += digest;
        ++tallies_[i].returned;
        return digest;
    }

    int item(std::size_t i, std::size_t k, std::size_t index, int value)
    {
        begin(i);
        fault(i, k);
        tallies_[i].sum += static_cast<std::uint32_t>(value);
        ++tallies_[i].returned;
        return mapped(i, index, value);
    }

    void combine(std::size_t i)
    {
        begin(i);
        fault(i, 0);
        ++tallies_[i].returned;
    }

    // How it runs, and what has to come of it

    void run_with_faults()
    {
        const std::vector<state> before = states_;
        if (plan_.stopped_before) stop_.request_stop();
        parmap::options options{.stop = stop_.get_token(), .grain_size = plan_.grain};
        if (plan_.timed_out) options.timeout = 0ns;
        std::optional<step_error> error;
        std::optional<parmap::cancelled> cancelled;
        try {
            on_workers(plan_.workers[1], [&] { graph_->run(options); });
        } catch (const step_error& e) {
            error = e;
        } catch (const parmap::cancelled& c) {
            cancelled = c;
        }
        states_ = states_of(*graph_);
        check_states();
        check_what_is_alive();

        const auto lowest = [&](const auto& is) {
            std::size_t i = 0;
            while (i < size() && !is(i)) ++i;
            return i;
        };
        const std::size_t first_to_fail = lowest([&](std::size_t i) { return fails(i) && before[i] != state::done; });
        const std::size_t first_failed = lowest([&](std::size_t i) { return states_[i] == state::failed; });
        const std::size_t first_undone = lowest([&](std::size_t i) { return states_[i] != state::done; });
        const std::size_t last_begun = last_that([&](std::size_t i) { return tallies_[i].begun != 0; });
        if (plan_.stopped_before || plan_.timed_out) {
            EXPECT_EQ(states_, skipped_where_not_done(before));
        }
        if (error) {
            ASSERT_LT(error->step, size());
            EXPECT_EQ(error->step, first_failed);
            EXPECT_EQ(error->item, first_failing_item(error->step));
            EXPECT_STREQ(error->what(), step_error(error->step, error->item).what());
        } else {
            EXPECT_EQ(first_failed, size());
        }
        if (cancelled) {
            EXPECT_TRUE(stop_.stop_requested() || plan_.timed_out);
            EXPECT_EQ(cancelled->reason(), plan_.timed_out && !stop_.stop_requested()
                                               ? parmap::stop_reason::timed_out
                                               : parmap::stop_reason::stop_requested);
            EXPECT_EQ(cancelled->completed(), static_cast<std::size_t>(std::ranges::count(states_, state::done)));
            EXPECT_EQ(cancelled->total(), size());
        }
        if (!error && !cancelled) {
            EXPECT_EQ(first_undone, size());
        }
        if (!stop_.stop_requested() && !plan_.timed_out) {
            EXPECT_EQ(error.has_value(), first_to_fail != size());
            EXPECT_EQ(first_failed, first_to_fail);
            EXPECT_EQ(first_undone, first_to_fail) << "all that were added before it ran";
        }
        if (plan_.workers[1] == 1 && first_undone != size() && last_begun != size()) {
            EXPECT_LE(last_begun, first_undone) << "one worker keeps to the order of addition";
        }
    }

    template <class Is>
    std::size_t last_that(const Is& is) const
    {
        for (std::size_t i = size(); i != 0; --i) {
            if (is(i - 1)) return i - 1;
        }
        return size();
    }

    static std::vector<state> skipped_where_not_done(std::vector<state> states)
    {
        std::ranges::replace_if(
            states, [](state s) { return s != state::done; }, state::skipped);
        return states;
    }

    /// Whether it fails once it runs.
    bool fails(std::size_t i) const
    {
        const auto& item = plan_.steps[i].fails_at;
        return item && *item < expected_[i].calls;
    }

    std::size_t first_failing_item(std::size_t i) const { return plan_.steps[i].fails_at.value_or(0); }

    void check_states() const
    {
        ASSERT_EQ(states_.size(), size());
        for (std::size_t i = 0; i < size(); ++i) {
            const tally& t = tallies_[i];
            const std::size_t calls = expected_[i].calls;
            switch (states_[i]) {
                case state::done:
                    EXPECT_EQ(t.begun, calls) << i;
                    EXPECT_EQ(t.returned, calls) << i;
                    EXPECT_EQ(t.sum, expected_[i].sum) << i;
                    EXPECT_TRUE(inputs_are_done(i)) << i;
                    break;
                case state::failed:
                    EXPECT_TRUE(faults_ && fails(i) && inputs_are_done(i)) << i;
                    EXPECT_LE(t.begun, calls) << i;
                    break;
                case state::skipped:
                    EXPECT_TRUE(t.returned < calls || calls == 0) << i;
                    EXPECT_TRUE(is_map(plan_.steps[i].what) || t.begun == 0) << i;
                    EXPECT_TRUE(t.begun == 0 || inputs_are_done(i)) << i;
                    break;
                case state::waiting:
                    ADD_FAILURE() << i << " was forgotten";
            }
            check_result(i);
        }
    }

    bool inputs_are_done(std::size_t i) const
    {
        return std::ranges::all_of(plan_.steps[i].reads,
                                   [this](std::size_t input) { return states_[input] == state::done; });
    }

    void check_states_after_a_whole_run()
    {
        states_ = states_of(*graph_);
        EXPECT_EQ(states_, std::vector(graph_->size(), state::done));
    }

    void check_whole_run()
    {
        check_states_after_a_whole_run();
        check_states();
        check_what_is_alive();
    }

    void check_result(std::size_t i) const
    {
        const auto check = [&](const auto& kept) {
            if constexpr (!std::is_same_v<decltype(kept), const std::monostate&>) {
                EXPECT_EQ(kept.done(), states_[i] == state::done) << i;
                EXPECT_EQ(kept.name(), name(i));
            }
            if constexpr (requires { kept.get(); }) {
                if (states_[i] == state::done) {
                    EXPECT_EQ(digest_of(kept.get()), expected_[i].digest) << i;
                } else {
                    EXPECT_THROW(kept.get(), std::logic_error) << i;
                }
            }
        };
        std::visit(check, handles_[i]);
    }

    void take_result(std::size_t i)
    {
        const auto take = [&](auto& kept) {
            if constexpr (requires { kept.take(); }) {
                EXPECT_EQ(digest_of(kept.take()), expected_[i].digest) << i;
                EXPECT_THROW(kept.get(), std::logic_error) << i;
            }
        };
        std::visit(take, handles_[i]);
    }

    /// A result is there exactly if it is wanted.
    void check_what_is_alive() const
    {
        std::vector<bool> wanted(size());
        for (std::size_t i = 0; i < size(); ++i) {
            if (handles_[i].index() != 0) wanted[i] = true;
            if (states_[i] == state::done) continue;
            for (const std::size_t input : plan_.steps[i].reads) wanted[input] = true;
        }
        std::size_t alive = 0;
        for (std::size_t i = 0; i < size(); ++i) {
            if (states_[i] != state::done || !wanted[i]) continue;
            if (plan_.steps[i].gives == kind::number) ++alive;
            if (plan_.steps[i].gives == kind::numbers) alive += expected_[i].values.size();
        }
        EXPECT_EQ(static_cast<std::size_t>(counted::alive), alive);
    }

    void clear_tallies_of_all_but_the_done()
    {
        states_ = states_of(*graph_);
        for (std::size_t i = 0; i < size(); ++i) {
            if (states_[i] != state::done) tallies_[i].clear();
        }
    }

    const scenario& plan_;
    const std::vector<expectation> expected_;
    std::optional<parmap::task_graph> graph_{std::in_place};
    std::vector<tally> tallies_;
    std::vector<handle> handles_;
    std::vector<state> states_;
    std::stop_source stop_;
    bool faults_{false};
};

TEST(RandomGraphs, DoWhatASerialEvaluationDoes)
{
    for_random_cases(10'000, [](dice& random) {
        const scenario s = planner(random).plan();
        random_graph(s).check();
        EXPECT_EQ(counted::alive, 0);
    });
}

}  // namespace
