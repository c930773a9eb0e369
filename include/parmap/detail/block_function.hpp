// SPDX-License-Identifier: Apache-2.0
// The interface between typed algorithms and the compiled engine: one indirect call a block, and inside it a plain loop
// over consecutive items, which the compiler can vectorise.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <type_traits>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::detail {

/// How a block ended.
struct block_result {
    std::size_t returned{};    ///< leading items of the block that returned
    std::exception_ptr error;  ///< what the item after them threw; null when all returned
};

/// Runs `item(i)` for every `begin <= i < end` in order, up to the first that throws.
template <class Item>
block_result run_items(std::size_t begin, std::size_t end, const Item& item) noexcept
{
    std::size_t i = begin;
    try {
        for (; i != end; ++i) item(i);
        return {end - begin, nullptr};
    } catch (...) {
        return {i - begin, std::current_exception()};
    }
}

/// Nanoseconds that an item of this type took when a run last measured it; 0 before the first measurement; negative
/// after one much higher measurement that is not confirmed yet. It affects the schedule, never a result. Each lambda
/// has a type of its own.
template <class Item>
inline constinit std::atomic<float> remembered_cost{0};

/// Refers to a function of an item's index or of a block; it is called with a block.
class block_function {
public:
    /// Runs `item(i)` for every item of a block.
    template <class Item>
    explicit block_function(const Item& item) noexcept
        : function_(&item),
          run_([](const void* object, std::size_t begin, std::size_t end) noexcept {
              return detail::run_items(begin, end, *static_cast<const Item*>(object));
          }),
          cost_(&remembered_cost<Item>)
    {
    }

    /// Runs `body(begin, end)`, which gives a block_result.
    /// \param quantum  items that stay together: every claimed block begins at a multiple of it, >= 1
    template <class Body>
    block_function(const Body& body, std::size_t quantum) noexcept
        : function_(&body),
          run_([](const void* object, std::size_t begin, std::size_t end) noexcept {
              return (*static_cast<const Body*>(object))(begin, end);
          }),
          cost_(&remembered_cost<Body>),
          quantum_(quantum)
    {
        static_assert(std::is_nothrow_invocable_r_v<block_result, const Body&, std::size_t, std::size_t>);
    }

    block_result operator()(std::size_t begin, std::size_t end) const noexcept { return run_(function_, begin, end); }

    std::atomic<float>& cost() const noexcept { return *cost_; }
    std::size_t quantum() const noexcept { return quantum_; }

private:
    const void* function_;
    block_result (*run_)(const void*, std::size_t, std::size_t) noexcept;
    std::atomic<float>* cost_;
    std::size_t quantum_{1};
};

}  // namespace parmap::inline v0_2::detail
