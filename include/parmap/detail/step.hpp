// SPDX-License-Identifier: Apache-2.0
// A step of a task graph: its function, its state, its result and the references to the result.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <parmap/detail/block_function.hpp>
#include <parmap/detail/config.hpp>
#include <parmap/detail/engine.hpp>

namespace parmap::inline v0_2::detail {

/// Whether a graph runs. Its address identifies the graph as long as there are handles to its steps.
using graph_status = std::atomic<bool>;

enum class step_state : unsigned char {
    waiting,  ///< has not run yet
    running,
    done,
    failed,
    skipped  ///< the run ended before the step was done
};

/// The items of a step that is run as a map.
struct step_items {
    std::size_t size;
    block_function block;
};

/// What the graph records about a step and its last run.
struct step_record {
    std::size_t index{};  ///< in order of addition
    std::exception_ptr error{};
    std::optional<std::size_t> items{};  ///< of a map
    std::chrono::steady_clock::time_point began{};
    std::chrono::nanoseconds took{};
    std::shared_ptr<graph_status> graph{};
};

class PARMAP_EXPORT step {
public:
    explicit step(std::string name) : name_(std::move(name)) {}
    step(const step&) = delete;
    step& operator=(const step&) = delete;
    virtual ~step() = default;

    /// Whether several threads can run the step together.
    virtual bool is_map() const noexcept { return false; }
    /// Makes the result; a map returns its items instead, which run next.
    virtual std::optional<step_items> begin(const run_limits& limits) = 0;
    /// Makes the result of a map after its items ran, or throws their error.
    virtual void finish(run_result&& /*ran*/) {}
    /// Destroys the result.
    virtual void drop() noexcept = 0;
    virtual bool has_result() const noexcept = 0;

    // A result has one reference for each handle, and one of the graph's until all readers have run.

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    /// The last one destroys the result.
    void remove_reference() noexcept
    {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) drop();
    }

    /// Does nothing if the graph has a reference already.
    void add_graph_reference() noexcept
    {
        if (!std::exchange(has_graph_reference_, true)) add_reference();
    }
    void remove_graph_reference() noexcept
    {
        has_graph_reference_ = false;
        remove_reference();
    }

    bool is_done() const noexcept { return state() == step_state::done; }

    const std::string& name() const noexcept { return name_; }
    /// For messages: step 3 ("load"), counted from 1.
    std::string called() const;

    step_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    /// Publishes the record.
    void set_state(step_state state) noexcept { state_.store(state, std::memory_order_release); }

    step_record& record() noexcept { return record_; }
    const step_record& record() const noexcept { return record_; }
    std::size_t index() const noexcept { return record_.index; }

private:
    // What a run writes shares cache lines; the name comes last.
    std::atomic<step_state> state_{step_state::waiting};
    bool has_graph_reference_{true};
    std::atomic<std::size_t> references_{1};
    step_record record_{};
    std::string name_;
};

/// \param from  null for a handle that was moved from
/// \throws std::logic_error  without a result; the text says why there is none
PARMAP_EXPORT void check_result(const step* from);

/// Lists of steps, one for each step of a graph, by index.
struct step_lists {
    std::vector<std::size_t> all{};     ///< the list of step 0, then that of step 1, ...
    std::vector<std::size_t> first{0};  ///< of each list in `all`, and the end

    std::span<const std::size_t> operator[](std::size_t index) const
    {
        return std::span(all).subspan(first[index], first[index + 1] - first[index]);
    }
};

/// The steps of a graph in order of addition.
struct step_table {
    std::vector<std::shared_ptr<step>> steps{};
    std::size_t maps{0};   ///< among the steps
    step_lists inputs{};   ///< what each step reads
    step_lists readers{};  ///< which steps read it, as of the last find_readers()
    bool fresh{true};      ///< no step has run

    /// Makes `readers` of `inputs`, when steps were added.
    void find_readers();
};

/// A step with a result of type T.
template <class T>
class step_of : public step {
public:
    using step::step;

    void drop() noexcept final { result_.reset(); }
    bool has_result() const noexcept final { return result_.has_value(); }

    const T& result() const noexcept { return *result_; }
    T take()
    {
        T taken = *std::move(result_);
        result_.reset();
        return taken;
    }

protected:
    template <class Make>
    void keep(const Make& make)
    {
        result_.emplace(make());
    }

private:
    std::optional<T> result_{};
};

template <>
class step_of<void> : public step {
public:
    using step::step;

    void drop() noexcept final {}
    bool has_result() const noexcept final { return is_done(); }
};

}  // namespace parmap::inline v0_2::detail
