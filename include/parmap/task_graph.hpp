// SPDX-License-Identifier: Apache-2.0
// task_graph: named steps whose inputs are other steps' results. Steps that do not depend on each other overlap,
// and the items of a map among them fill the CPUs that the others leave idle.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/config.hpp>
#include <parmap/detail/elements.hpp>
#include <parmap/detail/engine.hpp>
#include <parmap/detail/invocation.hpp>
#include <parmap/detail/slots.hpp>
#include <parmap/detail/step.hpp>
#include <parmap/map.hpp>
#include <parmap/map_reduce.hpp>
#include <parmap/options.hpp>

namespace parmap::inline v0_2 {

class task_graph;

namespace detail {

/// What a step reads: how the step keeps it, and as which arguments the step's function gets it.
template <class Input>
struct input;

}  // namespace detail

/// A handle to a step of a task graph, and to its result once it has run. As long as there is one, the result is
/// kept; without, it is destroyed when the last step that reads it is done. Copies are handles to the same step.
///
/// ```cpp
/// parmap::task<int> answer = graph.add("answer", [] { return 42; });
/// graph.run();
/// std::cout << answer.get() << '\n';
/// ```
template <class T>
class task {
public:
    using value_type = T;  ///< of the result

    /// Another handle to the same step.
    /// \param other  may be one that was moved from.
    task(const task& other) noexcept : step_(other.step_) { hold(); }
    /// Leaves the other without a step.
    task(task&&) noexcept = default;
    /// Lets go of the step it had.
    /// \param other  to whose step it is a handle from then on.
    /// \return itself.
    task& operator=(const task& other) noexcept
    {
        task copy(other);
        std::swap(step_, copy.step_);
        return *this;
    }
    /// Lets go of the step it had.
    /// \param other  whose step it takes over.
    /// \return itself.
    task& operator=(task&& other) noexcept
    {
        task moved(std::move(other));
        std::swap(step_, moved.step_);
        return *this;
    }
    ~task()
    {
        if (step_ != nullptr) step_->release();
    }

    /// The result of the step.
    /// \return a reference, valid as long as a handle to the step is kept, and the result is not taken.
    /// \throws std::logic_error  when there is none: not yet, not after a failure, not after take(), not through a
    ///                            handle that was moved from.
    std::add_lvalue_reference_t<const T> get() const&
        requires(!std::is_void_v<T>)
    {
        detail::check_result(step_.get());
        return step_->result();
    }
    void get() const&&
        requires(!std::is_void_v<T>)
    = delete;  // the result would go with the handle

    /// Moves the result out. Not while the graph runs.
    /// \return the result, which no step can read any more.
    /// \throws std::logic_error  when there is none, as get().
    T take()
        requires(!std::is_void_v<T>)
    {
        detail::check_result(step_.get());
        return step_->take();
    }

    /// \return whether the step has run and returned, since the last reset() of the graph.
    bool done() const noexcept { return step_ != nullptr && step_->is_done(); }

    /// \return the name of the step. Not through a handle that was moved from.
    const std::string& name() const noexcept { return step_->name(); }

private:
    friend class task_graph;
    template <class Input>
    friend struct detail::input;

    explicit task(std::shared_ptr<detail::step_of<T>> step) noexcept : step_(std::move(step)) { hold(); }

    void hold() const noexcept
    {
        if (step_ != nullptr) step_->hold();
    }

    std::shared_ptr<detail::step_of<T>> step_;
};

namespace detail {

template <class T>
struct result_of_step {
    const T& operator()(const step_of<T>* step) const noexcept { return step->result(); }
};

}  // namespace detail

/// The results of many steps, as a step that reads them all gets them: a random-access range of `const T&`, in the
/// order of the handles.
template <class T>
using task_results = std::ranges::transform_view<std::span<const detail::step_of<T>* const>, detail::result_of_step<T>>;

namespace detail {

template <class T>
struct input<task<T>> {
    explicit input(const task<T>& handle) noexcept : step(handle.step_.get()) {}

    void append_to(std::vector<detail::step*>& steps) const { steps.push_back(step); }

    auto arguments() const noexcept
    {
        if constexpr (std::is_void_v<T>) {
            return std::tuple<>();
        } else {
            return std::tuple<const T&>(step->result());
        }
    }

    step_of<T>* step;
};

template <class T>
struct input<std::vector<task<T>>> {
    explicit input(const std::vector<task<T>>& handles)
    {
        steps.reserve(handles.size());
        for (const task<T>& handle : handles) steps.push_back(input<task<T>>(handle).step);
    }

    void append_to(std::vector<detail::step*>& all) const { all.insert(all.end(), steps.begin(), steps.end()); }

    auto arguments() const noexcept
    {
        if constexpr (std::is_void_v<T>) {
            return std::tuple<>();
        } else {
            return std::tuple<task_results<T>>(task_results<T>(steps, {}));
        }
    }

    std::vector<step_of<T>*> steps;
};

/// A task, or a std::vector of tasks.
template <class Input>
concept readable_by_steps = requires(const Input& handle) { input<Input>(handle); };

template <class... Inputs>
using arguments_t = decltype(std::tuple_cat(std::declval<const input<Inputs>&>().arguments()...));

template <class Fn, class Arguments>
inline constexpr bool takes_results = false;
template <class Fn, class... Arguments>
inline constexpr bool takes_results<Fn, std::tuple<Arguments...>> = std::is_invocable_v<Fn&, Arguments...>;

/// True when `fn` can be called with the results of the inputs; else a compile error says what to change.
template <class Fn, class... Inputs>
consteval bool check_takes_results()
{
    static_assert(takes_results<Fn, arguments_t<Inputs...>>,
                  "parmap: the step's function cannot be called with the results of its inputs: it gets a const T& "
                  "for each task<T>, in that order, a task_results<T> for a std::vector<task<T>>, and nothing for a "
                  "task<void>");
    return takes_results<Fn, arguments_t<Inputs...>>;
}

template <class Fn, class... Inputs>
using step_result_t =
    std::remove_cvref_t<decltype(std::apply(std::declval<Fn&>(), std::declval<arguments_t<Inputs...>>()))>;

/// True when a step can keep a result of type `Result`; else a compile error says what to change.
template <class Result>
consteval bool check_result()
{
    constexpr bool fits = std::is_void_v<Result> || std::is_move_constructible_v<Result>;
    static_assert(fits,
                  "parmap: a step's result is moved to where it is kept: return a movable type, for example a "
                  "std::unique_ptr");
    return fits;
}

/// True when a result of type `Range` can be mapped; else a compile error says what to change.
template <class Range>
consteval bool check_step_range()
{
    constexpr bool fits = std::ranges::input_range<const Range>;
    static_assert(fits,
                  "parmap: the input of a map or a reduction must be a task whose result is a range that can "
                  "be read as const, for example a std::vector");
    if constexpr (fits) {
        return check_range<const Range>();
    } else {
        return false;
    }
}

/// A function of other steps' results.
template <class Result, class Fn, class... Inputs>
class function_step final : public step_of<Result> {
public:
    function_step(std::string name, Fn fn, input<Inputs>... inputs)
        : step_of<Result>(std::move(name)),
          fn_(std::move(fn)),
          inputs_(std::move(inputs)...)
    {
    }

    std::optional<step_items> begin(const run_limits& /*limits*/) override
    {
        const auto call = [this](const auto&... inputs) -> decltype(auto) {
            return std::apply(fn_, std::tuple_cat(inputs.arguments()...));
        };
        if constexpr (std::is_void_v<Result>) {
            std::apply(call, inputs_);
        } else {
            this->keep([&]() -> decltype(auto) { return std::apply(call, inputs_); });
        }
        return std::nullopt;
    }

private:
    Fn fn_;
    std::tuple<input<Inputs>...> inputs_;
};

/// Where the results of a map are built; nowhere when there are none.
template <class Result>
struct map_results : slots<Result> {
    using slots<Result>::slots;
};
template <>
struct map_results<void> {
    map_results(std::size_t /*size*/, const run_limits& /*limits*/) {}
};

/// A parallel map over another step's result.
template <class Result, class Range, class Fn>
class map_step final : public step_of<Result> {
public:
    map_step(std::string name, Fn fn, input<task<Range>> range)
        : step_of<Result>(std::move(name)),
          fn_(std::move(fn)),
          range_(std::move(range))
    {
    }

    bool is_map() const noexcept override { return true; }

    std::optional<step_items> begin(const run_limits& limits) override
    {
        mapping_ = std::make_unique<mapping>(range_.step->result(), fn_, limits);
        return step_items{mapping_->items.size(), block_function(*mapping_)};
    }

    void finish(run_result&& ran) override
    {
        const auto ended = std::exchange(mapping_, nullptr);
        if constexpr (std::is_void_v<Result>) {
            ran.throw_unless_complete();
        } else {
            this->keep([&] { return ended->results.take(std::move(ran)); });
        }
    }

private:
    /// One run, as a function of an item's index.
    struct mapping {
        mapping(const Range& range, const Fn& function, const run_limits& limits)
            : items(range),
              fn(function),
              results(items.size(), limits)
        {
        }

        void operator()(std::size_t i) const
        {
            if constexpr (std::is_void_v<Result>) {
                static_cast<void>(detail::invoke_item(fn, i, items[i]));
            } else {
                using value_type = typename Result::value_type;
                results.fill(i, [&] { return static_cast<value_type>(detail::invoke_item(fn, i, items[i])); });
            }
        }

        elements<const Range> items;
        const Fn& fn;
        map_results<Result> results;
    };

    Fn fn_;
    input<task<Range>> range_;
    std::unique_ptr<mapping> mapping_;  // while it runs
};

/// A reduction of another step's result, as map_reduce does it.
template <class T, class Range, class Op>
class reduce_step final : public step_of<T> {
public:
    reduce_step(std::string name, T init, Op op, input<task<Range>> range)
        : step_of<T>(std::move(name)),
          init_(std::move(init)),
          op_(std::move(op)),
          range_(std::move(range))
    {
    }

    bool is_map() const noexcept override { return true; }

    std::optional<step_items> begin(const run_limits& /*limits*/) override
    {
        reducing_ = std::make_unique<reducing>(range_.step->result(), op_);
        const auto& reduction = reducing_->reduction;
        return step_items{reducing_->items.size(), block_function(reduction, reduction.leaf_size())};
    }

    void finish(run_result&& ran) override
    {
        const auto ended = std::exchange(reducing_, nullptr);
        ran.throw_unless_complete();
        this->keep([&] { return ended->reduction.take(T(init_)); });
    }

private:
    /// One run.
    struct reducing {
        reducing(const Range& range, const Op& op) : items(range), reduction(items, each, op) {}

        elements<const Range> items;
        std::identity each{};
        detail::reduction<elements<const Range>, std::identity, T, Op> reduction;
    };

    T init_;
    Op op_;
    input<task<Range>> range_;
    std::unique_ptr<reducing> reducing_;  // while it runs
};

}  // namespace detail

/// Named steps whose inputs are other steps' results.
///
/// ```cpp
/// parmap::task_graph graph;
/// auto files = graph.add("list", [&] { return files_below(dir); });
/// auto sizes = graph.map("size", files, size_of);              // on every CPU
/// auto lines = graph.map("count lines", files, count_lines);   // beside it
/// auto bytes = graph.reduce("add up", sizes, std::size_t{0}, std::plus<>());
/// auto report = graph.add("report", write_report, files, lines, bytes);
/// graph.run({.progress = "report"});
/// std::cout << report.get();
/// ```
///
/// Steps begin once their inputs are done, the one that was added first before the others; those that are ready
/// at the same time overlap. A step can only read steps that were added before it, so there are no cycles. Results
/// are held once, passed by const reference, and destroyed when the last step that reads them is done, unless a
/// handle to them is kept.
///
/// Names are for people: they may be empty, and several steps may have the same one.
///
/// One thread at a time adds, runs and resets. A graph that was moved from can be assigned to or destroyed.
class PARMAP_EXPORT task_graph {
public:
    task_graph();
    task_graph(const task_graph&) = delete;
    /// Takes the steps over, with their results.
    task_graph(task_graph&&) noexcept = default;
    task_graph& operator=(const task_graph&) = delete;
    /// Lets go of the steps it had, and takes over the other's.
    /// \return itself.
    task_graph& operator=(task_graph&&) noexcept = default;
    ~task_graph();

    /// Adds a step that calls `fn` with the results of `inputs`.
    ///
    /// ```cpp
    /// auto text = graph.add("read", [&] { return read(path); });
    /// auto parts = std::vector{graph.add("words", count_words, text), graph.add("lines", count_lines, text)};
    /// auto sum = graph.add("sum", [](parmap::task_results<int> counts) { return counts[0] + counts[1]; }, parts);
    /// ```
    ///
    /// \param name    in dot() and on the lines of progress and trace.
    /// \param fn      called once a run, on one thread. What it returns is the step's result, of any movable type,
    ///                references decay; nothing makes a task<void>. It may call any algorithm, of parmap or oneTBB,
    ///                whose parts run on the CPUs that other steps leave idle; the options of run() are not theirs.
    /// \param inputs  tasks of this graph and std::vectors of them: any number. `fn` gets a const T& for a task<T>, a
    ///                task_results<T> (a range of const T&) for a std::vector<task<T>>, in that order, and nothing
    ///                for a task<void>, which only has to be done before.
    /// \return a handle to the step.
    /// \throws std::invalid_argument  for a handle of another graph, or one that was moved from.
    /// \throws std::logic_error       while the graph runs.
    ///
    /// Complexity: linear in the number of inputs.
    template <class Fn, detail::readable_by_steps... Inputs>
    auto add(std::string name, Fn fn, const Inputs&... inputs)
    {
        if constexpr (detail::check_takes_results<Fn, Inputs...>()) {
            using result = detail::step_result_t<Fn, Inputs...>;
            if constexpr (detail::check_result<result>()) {
                return insert<result>(std::make_shared<detail::function_step<result, Fn, Inputs...>>(
                                          std::move(name), std::move(fn), detail::input<Inputs>(inputs)...),
                                      inputs...);
            }
        }
    }

    /// Adds a step that calls `fn` on every element of the result of `input`, in parallel, as parmap::map does.
    ///
    /// ```cpp
    /// auto files = graph.add("list", [&] { return files_below(dir); });
    /// auto sums = graph.map("hash", files, sha256);  // a task<std::vector<digest>>
    /// ```
    ///
    /// \param name   as for add().
    /// \param input  a task of this graph whose result is a range, also as const.
    /// \param fn     called as parmap::map calls it, with elements of the const range, from several threads at once.
    /// \return a handle to the results in input order: a task<std::vector<R>>; a task<void> when `fn` returns void.
    /// \throws as add().
    ///
    /// Complexity: constant; run() does the rest.
    template <class Range, class Fn>
    auto map(std::string name, const task<Range>& input, Fn fn)
    {
        if constexpr (detail::check_step_range<Range>()) {
            if constexpr (detail::check_callable<Fn, detail::element_t<const Range>>()) {
                using item_result = detail::item_result_t<Fn, const Range>;
                if constexpr (std::is_void_v<item_result>) {
                    return insert<void>(std::make_shared<detail::map_step<void, Range, Fn>>(
                                            std::move(name), std::move(fn), detail::input<task<Range>>(input)),
                                        input);
                } else if constexpr (detail::check_result<item_result>()) {
                    using result = std::vector<item_result>;
                    return insert<result>(std::make_shared<detail::map_step<result, Range, Fn>>(
                                              std::move(name), std::move(fn), detail::input<task<Range>>(input)),
                                          input);
                }
            }
        }
    }

    /// Adds a step that combines the elements of the result of `input` into one value, in parallel, as
    /// parmap::map_reduce does: the same bits on every number of workers.
    ///
    /// ```cpp
    /// auto files = graph.add("list", [&] { return files_below(dir); });
    /// auto sizes = graph.map("size", files, size_of);
    /// auto bytes = graph.reduce("add up", sizes, std::size_t{0}, std::plus<>());
    /// ```
    ///
    /// \param name   as for add().
    /// \param input  a task of this graph whose result is a range, also as const.
    /// \param init   the result for an empty range; else combined once, from the left. It is copied in each run.
    /// \param op     associative, called as op(T, T), from several threads at once; see \ref map_reduce.
    /// \return a handle to the value.
    /// \throws as add().
    ///
    /// Complexity: constant; run() does the rest.
    template <class Range, class T, class Op>
    task<T> reduce(std::string name, const task<Range>& input, T init, Op op)
    {
        static_assert(std::copy_constructible<T>,
                      "parmap: a graph may run again, so init is copied: give it a copyable type");
        if constexpr (std::copy_constructible<T> && detail::check_step_range<Range>() &&
                      detail::check_combines<Op, T>()) {
            if constexpr (detail::check_converts<std::identity, detail::element_t<const Range>, T>()) {
                return insert<T>(
                    std::make_shared<detail::reduce_step<T, Range, Op>>(std::move(name), std::move(init), std::move(op),
                                                                        detail::input<task<Range>>(input)),
                    input);
            }
        }
    }

    /// Runs every step that has not run, on up to options.max_workers threads, the calling one among them.
    ///
    /// ```cpp
    /// try {
    ///     graph.run({.progress = "report", .timeout = std::chrono::minutes(5)});
    /// } catch (const std::exception& error) {
    ///     std::cerr << error.what() << '\n';
    ///     std::ofstream("report.dot") << graph.dot();  // which step failed, which were left out
    /// }
    /// ```
    ///
    /// After a failure or a stop the graph may run again: results that were computed are kept, all other steps run.
    /// With one worker the steps run in the order of addition, on the calling thread.
    ///
    /// \param options  see options.hpp; stop and timeout are looked at before each step and between the blocks of a
    ///                 map, the grain size is that of maps. A bar counts the steps, and each map has one of its own
    ///                 while it runs; a function is told of the steps alone.
    /// \throws what the failing step that was added first threw, as it is: steps that were added before it have run,
    ///         unless a stop or the timeout came too; steps that depend on it have not, and no others were begun
    ///         after the failure was seen.
    /// \throws cancelled              when a stop or a timeout left steps that never ran, or ended a call inside of
    ///                                one; it counts steps.
    /// \throws std::logic_error       while the graph runs already, or when a step that has to run reads a result
    ///                                that was taken.
    /// \throws std::invalid_argument  for bad options; nothing ran.
    ///
    /// Complexity: linear in the steps and their inputs.
    void run(const options& options = {});

    /// Forgets every result, so that all steps run again. No handle may be let go of on another thread meanwhile.
    /// \throws std::logic_error  while the graph runs.
    void reset();

    /// \return how many steps were added.
    std::size_t size() const noexcept { return table_.steps.size(); }

    /// Draws the graph in the language of Graphviz: with the state of each step, the time of those that ran, to a
    /// microsecond, and of maps the number of items. Also while it runs, on any thread.
    ///
    /// ```cpp
    /// std::ofstream("graph.dot") << graph.dot();  // dot -Tsvg graph.dot -o graph.svg
    /// ```
    ///
    /// \return the text of a .dot file.
    ///
    /// Complexity: linear in the steps and their inputs.
    std::string dot() const;

private:
    template <class Result, class Step, class... Inputs>
    task<Result> insert(std::shared_ptr<Step> step, const Inputs&... inputs)
    {
        std::vector<detail::step*> read;
        (detail::input<Inputs>(inputs).append_to(read), ...);
        task<Result> handle(step);
        admit(std::move(step), read);
        return handle;
    }

    void admit(std::shared_ptr<detail::step> step, std::span<detail::step* const> inputs);

    std::shared_ptr<detail::graph_status> status_;
    detail::step_table table_;
};

}  // namespace parmap::inline v0_2
