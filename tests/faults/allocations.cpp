// SPDX-License-Identifier: Apache-2.0
#include "allocations.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>

namespace parmap::testing::allocations {

namespace {

std::atomic<std::int64_t> living{0};

std::atomic<std::uint64_t> asked_for{0};
std::atomic<std::uint64_t> first_to_fail{1};
std::atomic<std::uint64_t> last_to_fail{0};
std::atomic<std::thread::id> failing_thread{};  // no thread: allocations of all threads fail
std::atomic<bool> failed{false};

std::atomic<std::uint64_t> until_held{0};  // 0: none is held
std::atomic<std::thread::id> never_held{};
std::atomic<bool> held{false};

void hold_if_requested() noexcept
{
    if (until_held.load() == 0 || never_held.load() == std::this_thread::get_id()) return;
    if (until_held.fetch_sub(1) != 1) return;
    held.store(true);
    held.notify_all();
    held.wait(true);
}

bool must_fail() noexcept
{
    const std::thread::id only = failing_thread.load();
    if (only != std::thread::id() && only != std::this_thread::get_id()) return false;
    const std::uint64_t number = asked_for.fetch_add(1) + 1;
    if (number < first_to_fail.load() || number > last_to_fail.load()) return false;
    failed.store(true);
    return true;
}

void fail_of(std::thread::id thread, std::uint64_t first, std::uint64_t last) noexcept
{
    failed.store(false);
    failing_thread.store(thread);
    asked_for.store(0);
    first_to_fail.store(first);
    last_to_fail.store(last);
}

}  // namespace

void fail(std::uint64_t first, std::uint64_t last) noexcept
{
    fail_of({}, first, last);
}

void fail_here(std::uint64_t first, std::uint64_t last) noexcept
{
    fail_of(std::this_thread::get_id(), first, last);
}

bool stop_failing() noexcept
{
    last_to_fail.store(0);
    return any_failed();
}

bool any_failed() noexcept
{
    return failed.load();
}

void hold(std::uint64_t number) noexcept
{
    never_held.store(std::this_thread::get_id());
    until_held.store(number);
}

bool is_one_held() noexcept
{
    return held.load();
}

void let_go() noexcept
{
    until_held.store(0);
    held.store(false);
    held.notify_all();
}

std::int64_t alive() noexcept
{
    return living.load();
}

bool alive_falls_to(std::int64_t count, std::chrono::seconds at_most) noexcept
{
    const auto too_long = std::chrono::steady_clock::now() + at_most;
    while (alive() > count) {
        if (std::chrono::steady_clock::now() > too_long) return false;
        std::this_thread::yield();
    }
    return true;
}

namespace {

void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) noexcept
{
    hold_if_requested();
    if (must_fail()) return nullptr;
    // Some C libraries refuse a size that is not a multiple of the alignment.
    const std::size_t whole = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
    void* const memory = std::aligned_alloc(alignment, whole);
    if (memory != nullptr) living.fetch_add(1);
    return memory;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t))
{
    if (void* const memory = allocate(bytes, alignment)) return memory;
    throw std::bad_alloc();
}

void deallocate(void* memory) noexcept
{
    if (memory == nullptr) return;
    std::free(memory);
    living.fetch_sub(1);
}

std::size_t number(std::align_val_t alignment) noexcept
{
    return static_cast<std::size_t>(alignment);
}

}  // namespace

}  // namespace parmap::testing::allocations

// All forms: for a form that is left out, a sanitizer would use its own.
namespace memory = parmap::testing::allocations;
using std::align_val_t;
using std::nothrow_t;
using std::size_t;

// clang-format off
void* operator new(size_t n) { return memory::allocate_or_throw(n); }
void* operator new[](size_t n) { return memory::allocate_or_throw(n); }
void* operator new(size_t n, align_val_t a) { return memory::allocate_or_throw(n, memory::number(a)); }
void* operator new[](size_t n, align_val_t a) { return memory::allocate_or_throw(n, memory::number(a)); }
void* operator new(size_t n, const nothrow_t&) noexcept { return memory::allocate(n); }
void* operator new[](size_t n, const nothrow_t&) noexcept { return memory::allocate(n); }
void* operator new(size_t n, align_val_t a, const nothrow_t&) noexcept { return memory::allocate(n, memory::number(a)); }
void* operator new[](size_t n, align_val_t a, const nothrow_t&) noexcept { return memory::allocate(n, memory::number(a)); }

void operator delete(void* p) noexcept { memory::deallocate(p); }
void operator delete[](void* p) noexcept { memory::deallocate(p); }
void operator delete(void* p, size_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, size_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, align_val_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, align_val_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, size_t, align_val_t) noexcept { memory::deallocate(p); }
void operator delete[](void* p, size_t, align_val_t) noexcept { memory::deallocate(p); }
void operator delete(void* p, const nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete[](void* p, const nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete(void* p, align_val_t, const nothrow_t&) noexcept { memory::deallocate(p); }
void operator delete[](void* p, align_val_t, const nothrow_t&) noexcept { memory::deallocate(p); }
// clang-format on
