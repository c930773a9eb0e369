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
    static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
#endif
}

#if defined(MADV_POPULATE_WRITE)
const bool can_populate_pages = true;

void populate_pages(void* memory, std::size_t bytes) noexcept
{
    static_cast<void>(::madvise(memory, bytes, MADV_POPULATE_WRITE));
}
#else
const bool can_populate_pages = false;

void populate_pages(void* /*memory*/, std::size_t /*bytes*/) noexcept {}
#endif

}  // namespace parmap::inline v0_2::detail
