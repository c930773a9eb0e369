// SPDX-License-Identifier: Apache-2.0
// A std::vector whose memory is first written by the workers that fill it.
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2 {

namespace detail {

/// Memory of this size or more comes from the system without pages, so page faults decide how long writing takes. For
/// smaller memory the C library often reuses memory that has pages.
inline constexpr std::size_t large_block = std::size_t{32} << 20U;

/// Memory for `bytes`, on huge pages when it is large and the system offers them.
PARMAP_EXPORT void* allocate(std::size_t bytes, std::size_t alignment);
PARMAP_EXPORT void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

}  // namespace detail

/// An allocator that does not write trivial elements at construction, so that page faults happen in the threads that
/// fill the elements. For large blocks it asks for huge pages.
template <class T>
class first_touch_allocator {
public:
    using value_type = T;                    ///< the type of the elements
    using is_always_equal = std::true_type;  ///< there is no state
    /// Moving a vector never copies its elements.
    using propagate_on_container_move_assignment = std::true_type;

    first_touch_allocator() = default;
    /// The same allocator, for another type.
    template <class U>
    first_touch_allocator(const first_touch_allocator<U>&) noexcept
    {
    }

    /// Allocates memory for elements.
    /// \param n  how many.
    /// \return memory that holds none of them yet.
    /// \throws std::bad_alloc  when there is too little memory.
    T* allocate(std::size_t n)
    {
        if (n > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_array_new_length();
        return static_cast<T*>(detail::allocate(n * sizeof(T), alignof(T)));
    }

    /// Frees memory.
    /// \param memory  from allocate().
    /// \param n       the number given to allocate().
    void deallocate(T* memory, std::size_t n) noexcept { detail::deallocate(memory, n * sizeof(T), alignof(T)); }

    /// Default-initialises an element, where std::allocator writes zeros.
    /// \param place  of the element.
    template <class U>
    void construct(U* place) noexcept(std::is_nothrow_default_constructible_v<U>)
    {
        ::new (static_cast<void*>(place)) U;
    }
    /// Constructs an element.
    /// \param place  of the element.
    /// \param args   for its constructor.
    template <class U, class... Args>
    void construct(U* place, Args&&... args)
    {
        ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
    }

    /// \return true: each allocator can free the memory of any other.
    friend bool operator==(const first_touch_allocator&, const first_touch_allocator&) noexcept { return true; }
};

/// A std::vector for large results.
///
/// ```cpp
/// parmap::vector<double> ys = parmap::map_to<parmap::vector<double>>(xs, square);
/// ```
///
/// Elements of trivial types have no value until they are written: `vector<double>(n)` is not zeroed.
template <class T>
using vector = std::vector<T, first_touch_allocator<T>>;

}  // namespace parmap::inline v0_2
