// SPDX-License-Identifier: Apache-2.0
// Large memory gets its pages from all workers at once.
#include <memory>

#include <parmap/detail/engine.hpp>
#include <parmap/detail/slots.hpp>

#include "system/memory.hpp"

namespace parmap::inline v0_2::detail {

void populate(void* memory, std::size_t bytes, const run_limits& limits)
{
    if (!can_populate_pages) return;
    // Only whole huge pages inside the block: the memory around them may belong to another object.
    void* first = memory;
    std::size_t space = bytes;
    if (std::align(huge_page, huge_page, first, space) == nullptr) return;
    const std::size_t pages = space / huge_page;
    advise_huge_pages(first, pages * huge_page);

    const auto item = [&](std::size_t page) {
        populate_pages(static_cast<char*>(first) + page * huge_page, huge_page);
    };
    options silent = limits.requested;
    silent.progress = {};
    silent.trace = {};
    silent.grain_size = 0;
    run(pages, block_function(item), run_limits(silent, limits));
}

}  // namespace parmap::inline v0_2::detail
