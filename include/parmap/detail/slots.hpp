// SPDX-License-Identifier: Apache-2.0
// Where results are built: item i writes slot i, whoever runs it. What was built when something
// throws is destroyed exactly once.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/config.hpp>
#include <parmap/detail/engine.hpp>
#include <parmap/vector.hpp>

namespace parmap::inline v0_2::detail {

/// Gives memory that nobody has written yet its pages, on up to `limits.workers` threads at once. Advice:
/// the pages that it leaves out come when they are written.
PARMAP_EXPORT void populate(void* memory, std::size_t bytes, const run_limits& limits);

/// A container that can be made at full size for next to nothing and then be assigned to, element by
/// element, by several threads.
template <class Container>
concept filled_in_place =
    std::ranges::random_access_range<Container> && std::constructible_from<Container, std::size_t> &&
    std::is_nothrow_default_constructible_v<typename Container::value_type> &&
    std::is_move_assignable_v<typename Container::value_type> &&
    std::same_as<std::ranges::range_reference_t<Container>, typename Container::value_type&>;

template <class T>
inline constexpr bool is_plain_vector = false;
template <class T>
inline constexpr bool is_plain_vector<std::vector<T>> = true;

/// A container of `size` elements, to be assigned to.
template <filled_in_place Container>
Container make_sized(std::size_t size, const run_limits& limits)
{
    if constexpr (is_plain_vector<Container>) {
        // It writes its elements on this thread; with the pages there, that is a tenth of the time.
        constexpr std::size_t element = sizeof(typename Container::value_type);
        if (size >= large_block / element) {
            Container container;
            container.reserve(size);
            detail::populate(container.data(), size * element, limits);
            container.resize(size);
            return container;
        }
    }
    return Container(size);
}

/// Results on their way into any other container: built in uninitialised memory, then moved.
template <class Container>
class slots {
    using value_type = typename Container::value_type;

public:
    slots(std::size_t size, const run_limits& /*limits*/)
        : size_(size),
          memory_(std::allocator<value_type>().allocate(size))
    {
    }
    slots(const slots&) = delete;
    slots& operator=(const slots&) = delete;

    ~slots()
    {
        std::size_t begin = 0;
        for (const block_failure& gap : built_.failures) {
            std::destroy(memory_ + begin, memory_ + gap.index);
            begin = gap.end;
        }
        std::destroy(memory_ + begin, memory_ + built_.claimed);
        std::allocator<value_type>().deallocate(memory_, size_);
    }

    /// Makes the result of item `index` in its place.
    template <class Make>
    void fill(std::size_t index, const Make& make) const
    {
        ::new (static_cast<void*>(memory_ + index)) value_type(make());
    }

    /// The results, when the run is complete; else throws its error.
    Container take(run_result result)
    {
        built_ = std::move(result);
        built_.throw_unless_complete();
        return Container(std::make_move_iterator(memory_), std::make_move_iterator(memory_ + size_));
    }

private:
    std::size_t size_;
    value_type* memory_;
    run_result built_;
};

/// Results in the container itself.
template <filled_in_place Container>
class slots<Container> {
public:
    slots(std::size_t size, const run_limits& limits)
        : container_(make_sized<Container>(size, limits)),
          first_(container_.begin())
    {
    }
    slots(const slots&) = delete;
    slots& operator=(const slots&) = delete;
    ~slots() = default;

    template <class Make>
    void fill(std::size_t index, const Make& make) const
    {
        first_[static_cast<std::iter_difference_t<iterator>>(index)] = make();
    }

    Container take(const run_result& result)
    {
        result.throw_unless_complete();
        return std::move(container_);
    }

private:
    using iterator = std::ranges::iterator_t<Container>;

    Container container_;
    iterator first_;
};

}  // namespace parmap::inline v0_2::detail
