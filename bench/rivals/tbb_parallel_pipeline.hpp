// SPDX-License-Identifier: Apache-2.0
// tbb::parallel_pipeline, as its documentation shows: a serial filter that reads, a parallel one, and a serial one that
// consumes in order.
#pragma once

#include <type_traits>

#include <tbb/parallel_pipeline.h>

#include "../workloads.hpp"

namespace rivals {

struct tbb_parallel_pipeline {
    static constexpr const char* name = "pipeline";

    template <class In, class Fn, class Consume>
    static void stream(const In& in, const Fn& fn, const Consume& consume)
    {
        using item = typename In::value_type;
        using result = std::invoke_result_t<const Fn&, const item&>;
        auto at = in.begin();
        const auto read = [&](tbb::flow_control& control) {
            if (at != in.end()) return *at++;
            control.stop();
            return item{};
        };
        tbb::parallel_pipeline(workloads::tokens,
                               tbb::make_filter<void, item>(tbb::filter_mode::serial_in_order, read) &
                                   tbb::make_filter<item, result>(tbb::filter_mode::parallel, fn) &
                                   tbb::make_filter<result, void>(tbb::filter_mode::serial_in_order, consume));
    }
};

}  // namespace rivals
