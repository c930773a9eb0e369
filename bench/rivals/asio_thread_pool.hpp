// SPDX-License-Identifier: Apache-2.0
// Boost.Asio's thread pool, kept for the whole process: 16 posted shares a CPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <latch>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <parmap/workers.hpp>

namespace rivals {

struct asio_thread_pool {
    static constexpr const char* name = "Asio";
    static constexpr bool hangs_when_nested = true;  // its threads would wait for themselves

    template <class In, class Out, class Fn>
    static void map_into(const In& in, Out& out, const Fn& fn)
    {
        static boost::asio::thread_pool pool(static_cast<std::size_t>(parmap::num_cpus()));
        const std::size_t shares = std::min(in.size(), 16 * static_cast<std::size_t>(parmap::num_cpus()));
        std::latch done(static_cast<std::ptrdiff_t>(shares));
        for (std::size_t s = 0; s < shares; ++s) {
            boost::asio::post(pool, [&, s] {
                const std::size_t end = in.size() * (s + 1) / shares;
                for (std::size_t i = in.size() * s / shares; i < end; ++i) out[i] = fn(in[i]);
                done.count_down();
            });
        }
        done.wait();
    }
};

}  // namespace rivals
