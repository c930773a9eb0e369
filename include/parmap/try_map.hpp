// SPDX-License-Identifier: Apache-2.0
// try_map: nothing is thrown for an item's failure, and nothing that was computed is lost.
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

/// What a try_map gives: the results there are, the failures, and why it stopped if it did.
template <class T>
struct outcome {
    std::vector<std::optional<T>> values;    ///< values[i] is empty where item i failed or never ran
    std::vector<failure> failures;           ///< by increasing index
    stop_reason stopped{stop_reason::none};  ///< why items never ran; none when all did

    /// \return items that returned. Complexity: linear.
    std::size_t completed() const
    {
        return static_cast<std::size_t>(
            std::ranges::count_if(values, [](const auto& value) { return value.has_value(); }));
    }

    /// \return whether every item returned.
    bool ok() const { return failures.empty() && stopped == stop_reason::none; }

    /// Takes all results, as `map` would have given them.
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

/// What a try_map of a function that returns void gives.
template <>
struct outcome<void> {
    std::vector<bool> done;                  ///< done[i]: item i returned
    std::vector<failure> failures;           ///< by increasing index
    stop_reason stopped{stop_reason::none};  ///< why items never ran; none when all did

    /// \return items that returned. Complexity: linear.
    std::size_t completed() const { return static_cast<std::size_t>(std::ranges::count(done, true)); }

    /// \return whether every item returned.
    bool ok() const { return failures.empty() && stopped == stop_reason::none; }

    /// Returns when every item returned.
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
/// A failing item stops nothing; a stop or a timeout ends the call, and `stopped` says so. Complexity as
/// \ref for_each.
///
/// \param range,fn,options  as for_each takes them.
/// \return the outcome, whose values stand at the positions of their items.
/// \throws std::invalid_argument  for bad options, and whatever reading the range throws; nothing ran.
template <std::ranges::input_range Range, class Fn>
auto try_map(Range&& range, const Fn& fn, const options& options = {}) -> outcome<detail::item_result_t<Fn, Range>>
{
    using result = detail::item_result_t<Fn, Range>;
    outcome<result> all;
    if constexpr (detail::check_range<Range>() && detail::check_callable<Fn, detail::element_t<Range>>()) {
        const detail::run_limits limits(options);
        const detail::elements_of<Range> items(range);
        const auto run = [&](const auto& item) {
            auto ran = detail::run(items.size(), detail::block_function(item), limits, detail::on_failure::proceed);
            all.stopped = ran.stopped;
            all.failures.reserve(ran.failures.size());
            for (auto& failed : ran.failures) {
                all.failures.push_back({failed.index, std::move(failed.error)});
            }
            return ran.claimed;
        };
        if constexpr (std::is_void_v<result>) {
            const std::size_t claimed = run([&](std::size_t i) { detail::invoke_item(fn, i, items[i]); });
            all.done.resize(items.size());
            std::fill_n(all.done.begin(), claimed, true);
            for (const failure& failed : all.failures) all.done[failed.index] = false;
        } else {
            all.values.resize(items.size());
            run([&](std::size_t i) { all.values[i].emplace(detail::invoke_item(fn, i, items[i])); });
        }
    }
    return all;
}

}  // namespace parmap::inline v0_2
