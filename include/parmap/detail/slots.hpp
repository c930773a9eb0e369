// SPDX-License-Identifier: Apache-2.0
// Where results are built: item i writes slot i, on any thread. When something throws, each result that was built is
// destroyed exactly once.
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

/// Gets pages for memory that was never written, on up to `limits.workers` threads at once. A hint: the system
/// supplies the other pages when they are first written.
PARMAP_EXPORT void populate(void* memory, std::size_t bytes, const run_limits& limits);

/// A container that is cheap to make at full size, and whose elements several threads can then assign.
template <class Container>
concept filled_in_place =
    std::ranges::random_access_range<Container> && std::constructible_from<Container, std::size_t> &&
    std::is_nothrow_default_constructible_v<typename Container::value_type> &&
    std::is_move_assignable_v<typename Container::value_type> &&
    std::same_as<std::ranges::range_reference_t<Container>, typename Container::value_type&>;

/// Results of a container that is not filled in place: built in uninitialised memory, then moved into it.
template <class Container>
class slots {
    using value_type = typename Container::value_type;

public:
    explicit slots(std::size_t size) : size_(size), memory_(std::allocator<value_type>().allocate(size)) {}
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

    /// Builds the result of item `index` in its slot.
    template <class Make>
    void fill(std::size_t index, const Make& make) const
    {
        ::new (static_cast<void*>(memory_ + index)) value_type(make());
    }

    /// The results of a complete run; else throws its error.
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
    explicit slots(Container sized) : container_(std::move(sized)), first_(container_.begin()) {}
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

/// No results.
template <>
class slots<void> {
public:
    static void take(const run_result& result) { result.throw_unless_complete(); }
};

template <class Container>
slots<Container> make_slots(std::size_t size, const run_limits& limits)
{
    if constexpr (std::is_void_v<Container>) {
        return {};
    } else if constexpr (!filled_in_place<Container>) {
        return slots<Container>(size);
    } else {
        using value_type = typename Container::value_type;
        if constexpr (std::same_as<Container, std::vector<value_type>>) {
            // The vector writes its elements on this thread. If the pages exist already, this takes a tenth of
            // the time.
            if (size >= large_block / sizeof(value_type)) {
                Container container;
                container.reserve(size);
                detail::populate(container.data(), size * sizeof(value_type), limits);
                container.resize(size);
                return slots<Container>(std::move(container));
            }
        }
        return slots<Container>(Container(size));
    }
}

}  // namespace parmap::inline v0_2::detail
