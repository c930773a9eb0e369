// SPDX-License-Identifier: Apache-2.0
#include <new>

#if defined(__linux__)
#    include <sys/mman.h>
#endif

#include <parmap/vector.hpp>

namespace parmap::detail {

namespace {

// Below this the C library hands back memory that is warm already, and huge pages do not pay.
constexpr std::size_t large = std::size_t{32} << 20U;
constexpr std::size_t huge_page = std::size_t{2} << 20U;

std::align_val_t alignment_for(std::size_t bytes, std::size_t alignment)
{
    return std::align_val_t{bytes >= large && alignment < huge_page ? huge_page : alignment};
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment)
{
    void* memory = ::operator new(bytes, alignment_for(bytes, alignment));
#if defined(MADV_HUGEPAGE)
    // Advice: where huge pages are off it does nothing, and that is fine.
    if (bytes >= large) static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
#endif
    return memory;
}

void deallocate(void* memory, std::size_t bytes, std::size_t alignment) noexcept
{
    ::operator delete(memory, alignment_for(bytes, alignment));
}

}  // namespace parmap::detail
