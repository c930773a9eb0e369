// SPDX-License-Identifier: Apache-2.0
// This library: as it comes; into its own vector; and with everything on that may slow it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <type_traits>
#include <vector>

#include <fcntl.h>

#include <parmap/parmap.hpp>

#include "../workloads.hpp"

namespace rivals {

struct parmap_map {
    static constexpr const char* name = "parmap";

    template <class In, class Fn>
    static auto map(const In& in, const Fn& fn)
    {
        return parmap::map(in, fn);
    }
    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        parmap::map_into(in, out, fn);
    }
};

struct parmap_to_vector {
    static constexpr const char* name = "p::vector";

    template <class In, class Fn>
    static auto map(const In& in, const Fn& fn)
    {
        using result = std::invoke_result_t<const Fn&, typename In::const_reference>;
        return parmap::map_to<parmap::vector<result>>(in, fn);
    }
};

/// With a progress bar that draws, a stop token that nobody uses and a timeout that never comes.
struct parmap_watched {
    static constexpr const char* name = "watched";

    template <class In, class Fn>
    static auto map(const In& in, const Fn& fn)
    {
        return parmap::map(in, fn, watched());
    }
    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        parmap::map_into(in, out, fn, watched());
    }

private:
    static parmap::options watched()
    {
        static const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
        static const std::stop_source source;
        return {.progress = parmap::progress_bar{.label = "bench", .style = parmap::bar_style::terminal, .fd = nowhere},
                .stop = source.get_token(),
                .timeout = std::chrono::hours(1)};
    }
};

struct parmap_stream {
    static constexpr const char* name = "stream";

    template <class In, class Fn, class Consume>
    static void stream(const In& in, const Fn& fn, const Consume& consume)
    {
        for (auto&& result : parmap::stream(in, fn, {.max_in_flight = workloads::tokens})) consume(result);
    }
};

struct parmap_task_graph {
    static constexpr const char* name = "task_graph";

    template <class Fn>
    class graph {
    public:
        graph(workloads::shape shape, std::size_t steps, const Fn& fn)
        {
            parmap::task<void> first = graph_.add("first", fn);
            if (shape == workloads::shape::chain) {
                for (std::size_t i = 1; i < steps; ++i) first = graph_.add("next", fn, first);
            } else {
                std::vector<parmap::task<void>> middle;
                for (std::size_t i = 1; i + 1 < steps; ++i) middle.push_back(graph_.add("middle", fn, first));
                graph_.add("last", fn, middle);
            }
        }

        void run() { graph_.run(); }
        void run_again()
        {
            graph_.reset();
            run();
        }

    private:
        parmap::task_graph graph_;
    };

    /// What a long step gives, and behind it the results of a map beside it.
    template <class Fn>
    static std::vector<std::uint64_t> side_by_side(std::uint64_t longest, const std::vector<std::uint64_t>& items,
                                                   const Fn& fn)
    {
        parmap::task_graph graph;
        const auto input = graph.add("items", [&] { return std::span(items); });
        auto results = graph.map("map", input, fn);
        const auto step = graph.add("long", [&] { return fn(longest); });
        graph.run();
        std::vector<std::uint64_t> all = results.take();
        all.insert(all.begin(), step.get());
        return all;
    }
};

struct parmap_map_reduce {
    static constexpr const char* name = "map_reduce";

    template <class In>
    static auto sum(const In& in)
    {
        return parmap::map_reduce(in, std::identity{}, typename In::value_type{}, std::plus{});
    }
};

}  // namespace rivals
