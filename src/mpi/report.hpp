// SPDX-License-Identifier: Apache-2.0
// The messages of a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/errors.hpp>
#include <parmap/mpi/detail/call.hpp>
#include <parmap/mpi/serializer.hpp>

namespace parmap::inline v0_2::mpi {

namespace detail {

/// A block that has ended on some rank.
struct block_report {
    std::size_t begin{};
    std::size_t end{};
    std::size_t completed{};
    std::vector<rank_failure> failures{};
    std::vector<std::byte> results{};

    /// Its elements or results cannot be written or read: every item has failed, or the first, if one is enough.
    void fail(int rank, const std::exception_ptr& why, pd::on_failure policy)
    {
        const std::string text = parmap::failure{begin, why}.what();
        std::vector<rank_failure> all;
        auto known = failures.begin();
        for (std::size_t i = begin; i != (policy == pd::on_failure::stop ? begin + 1 : end); ++i) {
            const bool is_known = known != failures.end() && known->index == i;
            all.push_back(is_known ? std::move(*known++) : rank_failure{i, rank, text, why});
        }
        failures = std::move(all);
        completed = 0;
        results.clear();
    }
};

/// From any rank to rank 0: its progress, results, and whether it can take another block.
struct report {
    bool wants_more{};
    bool has_left{};  // the call; its last report
    stop_reason stopped{stop_reason::none};
    std::uint64_t done{};
    std::int32_t busy{};
    std::int64_t busy_ns{};
    std::vector<block_report> blocks{};
};

/// From rank 0 to any rank, with what follows it.
enum class order : std::uint8_t {
    grant,  // begin, end, elements
    halt,   // the first index that is not run
    end     // the call's result
};

/// The members that are sent, for writing and for reading.
template <class T>
inline constexpr std::tuple<> sent_members{};
template <>
inline constexpr std::tuple sent_members<rank_failure>{&rank_failure::index, &rank_failure::rank, &rank_failure::text};
template <>
inline constexpr std::tuple sent_members<block_report>{&block_report::begin, &block_report::end,
                                                       &block_report::completed, &block_report::failures,
                                                       &block_report::results};
template <>
inline constexpr std::tuple sent_members<report>{&report::wants_more, &report::has_left, &report::stopped,
                                                 &report::done,       &report::busy,     &report::busy_ns,
                                                 &report::blocks};
template <>
inline constexpr std::tuple sent_members<call_result>{&call_result::size, &call_result::completed,
                                                      &call_result::stopped, &call_result::failures};

}  // namespace detail

template <class T>
    requires(!std::is_same_v<decltype(detail::sent_members<T>), const std::tuple<>>)
struct serializer<T> {
    static void write(writer& to, const T& value)
    {
        std::apply([&](auto... member) { (to.value(value.*member), ...); }, detail::sent_members<T>);
    }
    static T read(reader& from)
    {
        T value;
        const auto read_member = [&](auto& member) {
            member = from.value<std::remove_reference_t<decltype(member)>>();
        };
        std::apply([&](auto... member) { (read_member(value.*member), ...); }, detail::sent_members<T>);
        return value;
    }
};

}  // namespace parmap::inline v0_2::mpi
