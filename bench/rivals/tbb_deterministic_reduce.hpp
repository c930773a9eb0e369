// SPDX-License-Identifier: Apache-2.0
// tbb::parallel_deterministic_reduce with a body, as its documentation shows: with the default grain size of one item a
// task, and with 10,000 items a task.
#pragma once

#include <cstddef>

#include <tbb/blocked_range.h>
#include <tbb/parallel_reduce.h>

namespace rivals {

template <class In>
class tbb_sum_body {
public:
    explicit tbb_sum_body(const In& in) : in_(in) {}
    tbb_sum_body(tbb_sum_body& other, tbb::split /*unused*/) : in_(other.in_) {}

    void operator()(const tbb::blocked_range<std::size_t>& range)
    {
        typename In::value_type sum = sum_;  // in a register
        for (std::size_t i = range.begin(); i != range.end(); ++i) sum += in_[i];
        sum_ = sum;
    }
    void join(const tbb_sum_body& right) { sum_ += right.sum_; }

    auto sum() const { return sum_; }

private:
    const In& in_;
    typename In::value_type sum_{};
};

template <class In>
auto tbb_sum(const In& in, std::size_t grain)
{
    tbb_sum_body<In> body(in);
    tbb::parallel_deterministic_reduce(tbb::blocked_range<std::size_t>(0, in.size(), grain), body);
    return body.sum();
}

struct tbb_deterministic_reduce {
    static constexpr const char* name = "TBB by 1";

    template <class In>
    static auto sum(const In& in)
    {
        return tbb_sum(in, 1);
    }
};

struct tbb_deterministic_reduce_by_10000 {
    static constexpr const char* name = "TBB by 10k";

    template <class In>
    static auto sum(const In& in)
    {
        return tbb_sum(in, 10'000);
    }
};

}  // namespace rivals
