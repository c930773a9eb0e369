// SPDX-License-Identifier: Apache-2.0
// A progress bar for work that is no map: a loop of the caller, or any oneTBB algorithm.
#pragma once

#include <concepts>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#include <parmap/detail/config.hpp>
#include <parmap/detail/elements.hpp>
#include <parmap/progress.hpp>

namespace parmap::inline v0_2 {

namespace detail {
class progress_report;
}

/// Reports work that the caller counts, from construction to destruction.
///
/// ```cpp
/// parmap::progress_scope progress(rows.size(), "solving");
/// tbb::parallel_for(std::size_t{0}, rows.size(), [&](std::size_t i) {
///     solve(rows[i]);
///     progress.advance();
/// });
/// ```
///
/// At the end it shows `failed` when an exception destroys it, `finished` when all items were counted, else
/// `cancelled`.
class PARMAP_EXPORT progress_scope {
public:
    /// Begins to report.
    /// \param total  items in all; std::nullopt when unknown.
    /// \param sink   a label, a progress_bar, or a function.
    progress_scope(std::optional<std::uint64_t> total, const progress_sink& sink);
    progress_scope(const progress_scope&) = delete;
    progress_scope& operator=(const progress_scope&) = delete;
    ~progress_scope();

    /// Counts items as done, on any thread and without a lock. Without a sink: one branch.
    /// \param items  how many more.
    void advance(std::uint64_t items = 1) noexcept;

private:
    std::optional<std::uint64_t> total_;
    int exceptions_;  // uncaught at construction
    std::unique_ptr<detail::progress_report> report_;
};

/// A range that counts its elements as a serial loop reads them; see \ref tracked.
template <std::ranges::view View>
class tracked_range {
public:
    class iterator {
    public:
        using value_type = std::ranges::range_value_t<View>;
        using difference_type = std::ranges::range_difference_t<View>;

        iterator(std::ranges::iterator_t<View> at, progress_scope& scope) : at_(std::move(at)), scope_(&scope) {}

        decltype(auto) operator*() const { return *at_; }
        iterator& operator++()
        {
            ++at_;
            scope_->advance();  // the loop has finished the previous element
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(const std::ranges::sentinel_t<View>& end) const { return at_ == end; }

    private:
        std::ranges::iterator_t<View> at_;
        progress_scope* scope_;
    };

    /// As \ref tracked makes it.
    /// \param view  the elements.
    /// \param sink  a label, a progress_bar, or a function.
    tracked_range(View view, const progress_sink& sink)
        : view_(std::move(view)),
          scope_(detail::known_size(view_), sink)
    {
    }

    /// \return an iterator at the first element.
    iterator begin() { return iterator(std::ranges::begin(view_), scope_); }
    /// \return the end of the view.
    auto end() { return std::ranges::end(view_); }

private:
    View view_;
    progress_scope scope_;
};

/// The elements of `range`, with a bar that counts them as a serial loop reads them.
///
/// ```cpp
/// for (const auto& row : parmap::tracked(rows, "reading")) read(row);
/// ```
///
/// \param range  any input range; the bar of one that is not sized has no total.
/// \param sink   a label, a progress_bar, or a function.
/// \return the elements, to be read once; its destructor ends the bar. Complexity: one progress_scope::advance an
///         element.
template <std::ranges::viewable_range Range>
auto tracked(Range&& range, const progress_sink& sink)
{
    return tracked_range<std::views::all_t<Range>>(std::views::all(std::forward<Range>(range)), sink);
}

}  // namespace parmap::inline v0_2
