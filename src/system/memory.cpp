// SPDX-License-Identifier: Apache-2.0
#include "system/memory.hpp"

#include <new>

#if defined(__linux__)
#    include <sys/mman.h>
#endif

#include <parmap/vector.hpp>

namespace parmap::inline v0_2::detail {

namespace {

std::align_val_t alignment_for(std::size_t bytes, std::size_t alignment)
{
    return std::align_val_t{bytes >= large_block && alignment < huge_page ? huge_page : alignment};
}

void advise([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes, [[maybe_unused]] int advice) noexcept
{
#if defined(__linux__)
    static_cast<void>(::madvise(memory, bytes, advice));
#endif
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment)
{
    void* memory = ::operator new(bytes, alignment_for(bytes, alignment));
    if (bytes >= large_block) advise_huge_pages(memory, bytes);
    return memory;
}

void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept
{
    ::operator delete(memory, alignment_for(bytes, alignment));
}

void advise_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept
{
#if defined(MADV_HUGEPAGE)
    advise(memory, bytes, MADV_HUGEPAGE);
#endif
}

#if defined(MADV_POPULATE_WRITE)
const bool can_populate_pages = true;
#else
const bool can_populate_pages = false;
#endif

void populate_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) noexcept
{
#if defined(MADV_POPULATE_WRITE)
    advise(memory, bytes, MADV_POPULATE_WRITE);
#endif
}

}  // namespace parmap::inline v0_2::detail
