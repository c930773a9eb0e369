// SPDX-License-Identifier: Apache-2.0
// Large memory: on huge pages where there are any, and given its pages by all workers at once.
#include <cstddef>
#include <memory>
#include <new>

#if defined(__linux__)
#    include <sys/mman.h>
#endif

#include <parmap/detail/engine.hpp>
#include <parmap/detail/slots.hpp>
#include <parmap/vector.hpp>

namespace parmap::detail {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20U;

std::align_val_t alignment_for(std::size_t bytes, std::size_t alignment)
{
    return std::align_val_t{bytes >= large_block && alignment < huge_page ? huge_page : alignment};
}

/// Where huge pages are off it does nothing, and that is fine.
void ask_for_huge_pages(void* memory, std::size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
#endif
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment)
{
    void* memory = ::operator new(bytes, alignment_for(bytes, alignment));
    if (bytes >= large_block) ask_for_huge_pages(memory, bytes);
    return memory;
}

void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept
{
    ::operator delete(memory, alignment_for(bytes, alignment));
}

void populate(void* memory, std::size_t bytes, const run_limits& limits)
{
#if defined(MADV_POPULATE_WRITE)
    // Whole huge pages inside the block: what lies around them may be somebody else's.
    void* first = memory;
    std::size_t space = bytes;
    if (std::align(huge_page, huge_page, first, space) == nullptr) return;
    const std::size_t pages = space / huge_page;
    ask_for_huge_pages(first, pages * huge_page);

    const auto item = [&](std::size_t page) {
        // Refused before Linux 5.14; then the pages come one by one.
        static_cast<void>(
            ::madvise(static_cast<char*>(first) + page * huge_page, huge_page, MADV_POPULATE_WRITE));
    };
    const options silent{.stop = limits.requested.stop};
    run(pages, block_function(item), run_limits(silent, limits));
#endif
}

}  // namespace parmap::detail
