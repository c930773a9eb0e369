// SPDX-License-Identifier: Apache-2.0
// One step of a task graph, as those who run it see it: what it does, what became of it, who wants its result.
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

/// What the steps of one graph share. Its address is the graph's identity, and no other graph's as long as there are
/// handles to its steps.
struct graph_status {
    std::atomic<bool> running{false};
};

enum class step_state : unsigned char {
    waiting,  ///< has not run yet
    running,
    done,
    failed,
    skipped  ///< a run ended without it
};

/// The items of a step that is run as a map.
struct step_items {
    std::size_t size;
    block_function block;
};

/// What the graph knows of a step, and what became of the step in its last run.
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

    /// Whether the step is run as a map, with which several threads can help.
    virtual bool is_map() const noexcept { return false; }
    /// Makes the result; a map says which items are to be run first.
    virtual std::optional<step_items> begin(const run_limits& limits) = 0;
    /// Makes the result of a map whose items have run, or throws their error.
    virtual void finish(run_result&& /*ran*/) {}
    /// Destroys the result.
    virtual void drop() noexcept = 0;
    virtual bool has_result() const noexcept = 0;

    /// The result is wanted: by a handle, or by the graph.
    void hold() noexcept { wanted_.fetch_add(1, std::memory_order_relaxed); }
    /// No longer by one of them; the last one destroys it.
    void release() noexcept
    {
        if (wanted_.fetch_sub(1, std::memory_order_acq_rel) == 1) drop();
    }

    /// The graph wants the result: it is not made yet, or a step that reads it has not run.
    void keep_for_readers() noexcept
    {
        if (!std::exchange(kept_for_readers_, true)) hold();
    }
    /// It is made, and all that read it have run.
    void all_have_read() noexcept
    {
        kept_for_readers_ = false;
        release();
    }

    bool is_done() const noexcept { return state() == step_state::done; }

    const std::string& name() const noexcept { return name_; }
    /// For messages: step 3 ("load"), counted from 1.
    std::string called() const;

    step_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    /// What the record says was written before.
    void set_state(step_state state) noexcept { state_.store(state, std::memory_order_release); }

    /// Written by the graph alone.
    step_record& record() noexcept { return record_; }
    const step_record& record() const noexcept { return record_; }
    std::size_t index() const noexcept { return record_.index; }

private:
    // What a run writes is in the same lines of the cache, and the name last.
    std::atomic<step_state> state_{step_state::waiting};
    bool kept_for_readers_{true};
    std::atomic<std::size_t> wanted_{1};
    step_record record_{};
    std::string name_;
};

/// \param from  the step of a handle; null for one that was moved from
/// \throws std::logic_error  unless the result is there, saying why it is not
PARMAP_EXPORT void check_result(const step* from);

/// The steps of a graph in order of addition, and which results each of them reads.
struct step_table {
    std::vector<std::shared_ptr<step>> steps{};
    std::vector<std::size_t> inputs{};        ///< indices of steps, those that step 0 reads first
    std::vector<std::size_t> first_input{0};  ///< of each step in `inputs`, and the end
    std::vector<std::size_t> readers{};       ///< the other way round: steps that read step 0 first
    std::vector<std::size_t> first_reader{};  ///< of each step in `readers`, and the end
    bool fresh{true};                         ///< no step has run

    std::span<const std::size_t> inputs_of(std::size_t index) const
    {
        return std::span(inputs).subspan(first_input[index], first_input[index + 1] - first_input[index]);
    }

    /// Of those that were there at find_readers().
    std::span<const std::size_t> readers_of(std::size_t index) const
    {
        return std::span(readers).subspan(first_reader[index], first_reader[index + 1] - first_reader[index]);
    }

    /// Turns `inputs` round, unless no step was added since.
    void find_readers();
};

/// A step with a result of type T, kept while it is wanted.
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
    /// Makes the result of what `make` gives.
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
