// SPDX-License-Identifier: Apache-2.0
// task_graph: named steps whose inputs are other steps' results. Steps that do not depend on each other overlap, and
// the items of maps use the CPUs that other steps leave idle.
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

/// An input of a step: points to the steps that are read, and gives their results as arguments of the step's function.
template <class Input>
struct input;

}  // namespace detail

/// A handle to a step of a task graph, and to its result once the step has run. The result is kept as long as there is
/// a handle; else it is destroyed when the last step that reads it is done. Copies are handles to the same step.
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
    /// \param other  may be empty: moved from.
    task(const task& other) noexcept : step_(other.step_) { hold(); }
    /// Moves the handle; the other is empty from then on.
    task(task&&) noexcept = default;
    /// Becomes a handle to the step of another.
    /// \param other  may be empty.
    /// \return itself.
    task& operator=(const task& other) noexcept
    {
        task copy(other);
        std::swap(step_, copy.step_);
        return *this;
    }
    /// Takes over the step of another, which is empty from then on.
    /// \param other  may be empty.
    /// \return itself.
    task& operator=(task&& other) noexcept
    {
        task moved(std::move(other));
        std::swap(step_, moved.step_);
        return *this;
    }
    ~task()
    {
        if (step_ != nullptr) step_->remove_reference();
    }

    /// The result of the step.
    /// \return a reference, valid until the last handle to the step is destroyed or the result is taken.
    /// \throws std::logic_error  when there is no result: before a run, after a failure or take(), or of an empty
    ///                           handle.
    std::add_lvalue_reference_t<const T> get() const&
        requires(!std::is_void_v<T>)
    {
        detail::check_result(step_.get());
        return step_->result();
    }
    void get() const&&
        requires(!std::is_void_v<T>)
    = delete;  // the handle would be destroyed, and the result with it

    /// Moves the result out, so that no step can read it any more. Not while the graph runs.
    /// \return the result.
    /// \throws std::logic_error  as get().
    T take()
        requires(!std::is_void_v<T>)
    {
        detail::check_result(step_.get());
        return step_->take();
    }

    /// \return whether the step has returned since the last reset() of the graph.
    bool done() const noexcept { return step_ != nullptr && step_->is_done(); }

    /// \return the name of the step. Not of an empty handle.
    const std::string& name() const noexcept { return step_->name(); }

private:
    friend class task_graph;
    template <class Input>
    friend struct detail::input;

    explicit task(std::shared_ptr<detail::step_of<T>> step) noexcept : step_(std::move(step)) { hold(); }

    void hold() const noexcept
    {
        if (step_ != nullptr) step_->add_reference();
    }

    std::shared_ptr<detail::step_of<T>> step_;
};

namespace detail {

template <class T>
struct result_of_step {
    const T& operator()(const step_of<T>* step) const noexcept { return step->result(); }
};

}  // namespace detail

/// The results of many steps, as an argument of a step that reads them: a random-access range of `const T&`, in the
/// order of the handles.
template <class T>
using task_results = std::ranges::transform_view<std::span<const detail::step_of<T>* const>, detail::result_of_step<T>>;

namespace detail {

template <class T>
struct input<task<T>> {
    explicit input(const task<T>& handle) noexcept : step(handle.step_.get()) {}

    void append_to(std::vector<detail::step*>& all) const { all.push_back(step); }

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
                  "parmap: the input of a map or a reduction must be a task whose result is a range that can be read "
                  "as const, for example a std::vector");
    if constexpr (fits) {
        return detail::check_range<const Range>();
    } else {
        return false;
    }
}

/// A function of other steps' results.
template <class Result, class Fn, class... Inputs>
class function_step final : public step_of<Result> {
public:
    function_step(std::string name, Fn fn, const Inputs&... inputs)
        : step_of<Result>(std::move(name)),
          fn_(std::move(fn)),
          inputs_(input<Inputs>(inputs)...)
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

/// A reduction of a step's result, in one run of the graph.
template <class T, class Range, class Op>
class step_reduction {
public:
    step_reduction(const Range& range, const T& init, const Op& op, const run_limits& /*limits*/)
        : items_(range),
          init_(init),
          reduction_(items_, each, op, reduction_tree<T>(items_.size()))
    {
    }

    std::size_t size() const noexcept { return items_.size(); }
    block_function blocks() const noexcept { return block_function(reduction_, reduction_.leaf_size()); }

    T take(const run_result& ran)
    {
        ran.throw_unless_complete();
        return reduction_.take(T(init_));
    }

private:
    static constexpr std::identity each{};

    elements<const Range> items_;
    const T& init_;
    reduction<elements<const Range>, std::identity, T, Op> reduction_;
};

/// A parallel algorithm over another step's result. Each run of the graph makes a `Run` of that result and `parts`.
template <class Result, class Run, class Range, class... Parts>
class parallel_step final : public step_of<Result> {
public:
    parallel_step(std::string name, const task<Range>& range, Parts... parts)
        : step_of<Result>(std::move(name)),
          range_(range),
          parts_(std::move(parts)...)
    {
    }

    bool is_map() const noexcept override { return true; }

    std::optional<step_items> begin(const run_limits& limits) override
    {
        const auto make = [&](const Parts&... parts) {
            return std::make_unique<Run>(range_.step->result(), parts..., limits);
        };
        run_ = std::apply(make, parts_);
        return step_items{run_->size(), run_->blocks()};
    }

    void finish(run_result&& ran) override
    {
        const auto ended = std::exchange(run_, nullptr);
        if constexpr (std::is_void_v<Result>) {
            ended->take(std::move(ran));
        } else {
            this->keep([&] { return ended->take(std::move(ran)); });
        }
    }

private:
    input<task<Range>> range_;
    std::tuple<Parts...> parts_;
    std::unique_ptr<Run> run_;  // while it runs
};

}  // namespace detail

/// Named steps whose inputs are other steps' results.
///
/// ```cpp
/// parmap::task_graph graph;
/// auto files = graph.add("list", [&] { return files_below(dir); });
/// auto sizes = graph.map("size", files, size_of);              // on every CPU
/// auto lines = graph.map("count lines", files, count_lines);   // at the same time
/// auto bytes = graph.reduce("add up", sizes, std::size_t{0}, std::plus<>());
/// auto report = graph.add("report", write_report, files, lines, bytes);
/// graph.run({.progress = "report"});
/// std::cout << report.get();
/// ```
///
/// A step begins once its inputs are done; ready steps overlap. With several workers, functions that are ready begin
/// before maps and reductions that are ready, and within each kind the step that was added first begins first. With one
/// worker, the steps run in the order of addition. A step can read only steps that were added before it, so there are
/// no cycles. A result exists once, is passed by const reference, and is destroyed when the last step that reads it is
/// done, unless a handle to it is kept.
///
/// Names may be empty, and several steps may have the same one. One thread at a time adds, runs and resets. A graph
/// that was moved from can be assigned to or destroyed.
class PARMAP_EXPORT task_graph {
public:
    task_graph();
    task_graph(const task_graph&) = delete;
    /// Moves the steps, with their results.
    task_graph(task_graph&&) noexcept = default;
    task_graph& operator=(const task_graph&) = delete;
    /// Replaces the steps by those of another graph.
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
    /// \param name    in dot(), and in the lines of progress and trace.
    /// \param fn      called once a run, on one thread. Its result is that of the step: any movable type, without
    ///                references and const; a task<void> has none. `fn` may call any algorithm of parmap or oneTBB,
    ///                which uses the CPUs that other steps leave idle; the options of run() do not apply to it.
    /// \param inputs  any number of tasks of this graph and std::vectors of them. In that order `fn` gets a const T&
    ///                for a task<T>, a task_results<T> (a range of const T&) for a std::vector<task<T>>, and nothing
    ///                for a task<void>, which must only be done before.
    /// \return a handle to the step. Complexity: linear in the number of inputs.
    /// \throws std::invalid_argument  for an empty handle or one of another graph.
    /// \throws std::logic_error       while the graph runs.
    template <class Fn, detail::readable_by_steps... Inputs>
    auto add(std::string name, Fn fn, const Inputs&... inputs)
    {
        if constexpr (detail::check_takes_results<Fn, Inputs...>()) {
            using result = detail::step_result_t<Fn, Inputs...>;
            if constexpr (detail::check_result<result>()) {
                using step = detail::function_step<result, Fn, Inputs...>;
                return insert<result>(std::make_shared<step>(std::move(name), std::move(fn), inputs...), inputs...);
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
    /// \param input  a task of this graph whose result is a range that can be read as const.
    /// \param fn     called as parmap::map calls it, with elements of the const range, by several threads at once.
    /// \return a handle to the results in input order: a task<std::vector<R>>; a task<void> when `fn` returns void.
    ///         Complexity: constant.
    /// \throws as add().
    template <class Range, class Fn>
    auto map(std::string name, const task<Range>& input, Fn fn)
    {
        if constexpr (detail::check_step_range<Range>()) {
            using element = detail::element_t<const Range>;
            using item_result = detail::item_result_t<Fn, element>;
            if constexpr (detail::check_callable<Fn, element>() && detail::check_result<item_result>()) {
                using result = std::conditional_t<std::is_void_v<item_result>, void, std::vector<item_result>>;
                using step = detail::parallel_step<result, detail::mapping<result, const Range, Fn>, Range, Fn>;
                return insert<result>(std::make_shared<step>(std::move(name), input, std::move(fn)), input);
            }
        }
    }

    /// Adds a step that combines the elements of the result of `input` into one value, in parallel, as
    /// parmap::map_reduce does: the same bits on every number of workers.
    ///
    /// ```cpp
    /// auto sizes = graph.add("sizes", [] { return std::vector<std::size_t>{1, 2, 3}; });
    /// auto bytes = graph.reduce("add up", sizes, std::size_t{0}, std::plus<>());
    /// ```
    ///
    /// \param name   as for add().
    /// \param input  a task of this graph whose result is a range that can be read as const.
    /// \param init   the result for an empty range; else combined once, from the left. Each run copies it.
    /// \param op     associative, called as op(T, T), by several threads at once; see \ref map_reduce.
    /// \return a handle to the value. Complexity: constant.
    /// \throws as add().
    template <class Range, class T, class Op>
    task<T> reduce(std::string name, const task<Range>& input, T init, Op op)
    {
        static_assert(std::copy_constructible<T>,
                      "parmap: a graph may run again, so init is copied: give it a copyable type");
        if constexpr (std::copy_constructible<T> && detail::check_step_range<Range>() &&
                      detail::check_combines<Op, T>()) {
            if constexpr (detail::check_converts<std::identity, detail::element_t<const Range>, T>()) {
                using step = detail::parallel_step<T, detail::step_reduction<T, Range, Op>, Range, T, Op>;
                return insert<T>(std::make_shared<step>(std::move(name), input, std::move(init), std::move(op)), input);
            }
        }
    }

    /// Runs every step that has not run, on up to options.max_workers threads, including the calling one.
    ///
    /// ```cpp
    /// try {
    ///     graph.run({.progress = "report", .timeout = std::chrono::minutes(5)});
    /// } catch (const std::exception& error) {
    ///     std::cerr << error.what() << '\n';
    ///     std::ofstream("report.dot") << graph.dot();  // shows which step failed, and which never ran
    /// }
    /// ```
    ///
    /// After a failure or a stop the graph may run again: finished steps keep their results, all others run. With one
    /// worker the steps run in the order of addition, on the calling thread. Complexity: linear in the steps and their
    /// inputs.
    ///
    /// \param options  see options.hpp. Stop and timeout are checked before each step and between the blocks of a map;
    ///                 the grain size is that of maps. A bar counts steps, and each map has its own while it runs; a
    ///                 function is told only of steps.
    /// \throws the exception of the failing step that was added first, unchanged: the steps before it have run, unless
    ///         a stop or the timeout came too; no other step began after the failure was seen.
    /// \throws cancelled              when a stop or a timeout left steps that never ran, or ended a call inside of
    ///                                one; it counts steps.
    /// \throws std::logic_error       while the graph runs, or when a step that has to run reads a result that was
    ///                                taken.
    /// \throws std::invalid_argument  for bad options, before any step runs.
    void run(const options& options = {});

    /// Destroys every result, so that all steps run again. No other thread may destroy a handle meanwhile.
    /// \throws std::logic_error  while the graph runs.
    void reset();

    /// \return how many steps were added.
    std::size_t size() const noexcept { return table_.steps.size(); }

    /// Draws the graph in the language of Graphviz: with the state of each step, the number of items of maps, and the
    /// time of the steps that ran, each from the end of what its thread ran before. Any thread may call it, also while
    /// the graph runs.
    ///
    /// ```cpp
    /// std::ofstream("graph.dot") << graph.dot();  // dot -Tsvg graph.dot -o graph.svg
    /// ```
    ///
    /// \return the text of a .dot file. Complexity: linear in the steps and their inputs.
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
