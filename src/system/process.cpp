// SPDX-License-Identifier: Apache-2.0
#include "system/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include <pthread.h>
#include <unistd.h>
#if defined(__linux__)
#    include <sched.h>
#endif

namespace parmap::inline v0_2::detail {

int cpus_online() noexcept
{
    return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::optional<std::vector<std::uint64_t>> affinity_of_process()
{
#if defined(__linux__)
    // The process's mask, which is its main thread's: the answer must not depend on which thread asks first.
    for (std::size_t cpus = 1024; cpus <= std::size_t{1} << 20U; cpus *= 2) {
        std::vector<std::uint64_t> words(cpus / 64);
        void* const mask = words.data();  // a cpu_set_t of any length is an array of such words
        const std::size_t bytes = cpus / 8;
        if (::sched_getaffinity(::getpid(), bytes, static_cast<cpu_set_t*>(mask)) == 0) return words;
        if (errno != EINVAL) return std::nullopt;
    }
#endif
    return std::nullopt;
}

long process_id() noexcept
{
    return ::getpid();
}

long thread_id() noexcept
{
    return ::gettid();
}

std::string thread_name()
{
    std::array<char, 64> name{};
    return ::pthread_getname_np(::pthread_self(), name.data(), name.size()) == 0 ? name.data() : "thread";
}

std::string program_name()
{
    return program_invocation_short_name;
}

std::string host_name(std::size_t most)
{
    std::string name(most + 1, '\0');
    ::gethostname(name.data(), most);
    name.resize(name.find('\0'));
    return name;
}

}  // namespace parmap::inline v0_2::detail
