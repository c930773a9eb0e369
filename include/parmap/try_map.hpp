// SPDX-License-Identifier: Apache-2.0
// try_map: a map that does not throw when an item fails, and keeps all results.
#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/errors.hpp>
#include <parmap/map.hpp>

namespace parmap::inline v0_2 {

/// How a try_map ended: the results, the failures, and why items never ran.
template <class T>
struct outcome {
    std::vector<std::optional<T>> values;    ///< values[i] is empty where item i failed or never ran
    std::vector<failure> failures;           ///< by increasing index
    stop_reason stopped{stop_reason::none};  ///< why items never ran; none when all did

    /// \return items that returned. Complexity: linear.
    std::size_t completed() const
    {
        return static_cast<std::size_t>(std::ranges::count_if(values, [](const auto& v) { return v.has_value(); }));
    }

    /// \return whether every item returned.
    bool ok() const { return failures.empty() && stopped == stop_reason::none; }

    /// Moves all results out, as `map` gives them.
    ///
    /// ```cpp
    /// auto lengths = parmap::try_map(files, count_lines).value();
    /// ```
    ///
    /// \return the results in input order.
    /// \throws the error of the lowest failing item; else `cancelled` when items never ran.
    std::vector<T> value() &&
    {
        if (!failures.empty()) std::rethrow_exception(failures.front().error);
        if (!ok()) throw cancelled(stopped, completed(), values.size());
        std::vector<T> all;
        all.reserve(values.size());
        for (auto& value : values) all.push_back(*std::move(value));
        return all;
    }
};

/// How a try_map of a function that returns void ended.
template <>
struct outcome<void> {
    std::vector<bool> done;                  ///< done[i]: item i returned
    std::vector<failure> failures;           ///< by increasing index
    stop_reason stopped{stop_reason::none};  ///< why items never ran; none when all did

    /// \return items that returned. Complexity: linear.
    std::size_t completed() const { return static_cast<std::size_t>(std::ranges::count(done, true)); }

    /// \return whether every item returned.
    bool ok() const { return failures.empty() && stopped == stop_reason::none; }

    /// Does nothing when every item returned.
    /// \throws the error of the lowest failing item; else `cancelled` when items never ran.
    void value() &&
    {
        if (!failures.empty()) std::rethrow_exception(failures.front().error);
        if (!ok()) throw cancelled(stopped, completed(), done.size());
    }
};

/// Calls `fn` on every element of `range`, in parallel, and gives every result and every failure.
///
/// ```cpp
/// auto hashes = parmap::try_map(files, sha256);
/// for (const parmap::failure& f : hashes.failures) std::cerr << files[f.index] << ": " << f.what() << '\n';
/// ```
///
/// A failing item does not stop the others. A stop or a timeout ends the call without a `cancelled`. Complexity as
/// \ref for_each.
///
/// \param range,fn,options  as for_each takes them.
/// \return the outcome, with the values at the positions of their items.
/// \throws std::invalid_argument  for bad options, and whatever reading the range throws, before any item runs.
template <std::ranges::input_range Range, class Fn>
auto try_map(Range&& range, const Fn& fn, const options& options = {})
    -> outcome<detail::item_result_t<Fn, detail::element_t<Range>>>
{
    using result = detail::item_result_t<Fn, detail::element_t<Range>>;
    outcome<result> all;
    if constexpr (detail::check_map<Range, Fn>()) {
        const detail::run_limits limits(options);
        const detail::elements_of<Range> items(range);
        if constexpr (!std::is_void_v<result>) all.values.resize(items.size());
        const auto item = [&](std::size_t i) {
            if constexpr (std::is_void_v<result>) {
                detail::invoke_item(fn, i, items[i]);
            } else {
                all.values[i].emplace(detail::invoke_item(fn, i, items[i]));
            }
        };
        auto ran = detail::run(items.size(), detail::block_function(item), limits, detail::on_failure::proceed);
        all.stopped = ran.stopped;
        all.failures.reserve(ran.failures.size());
        for (auto& failed : ran.failures) all.failures.push_back({failed.index, std::move(failed.error)});
        if constexpr (std::is_void_v<result>) {
            all.done.resize(ran.claimed, true);
            all.done.resize(items.size());
            for (const failure& failed : all.failures) all.done[failed.index] = false;
        }
    }
    return all;
}

}  // namespace parmap::inline v0_2
