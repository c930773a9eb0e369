// SPDX-License-Identifier: Apache-2.0
// A call that check_qualified_calls.py must find, and some that it must leave alone.
#pragma once

namespace parmap::inline v0_2::detail {

template <class T>
T twice(const T& x)
{
    return x + x;
}

inline int three()
{
    return 3;
}

class number {
public:
    template <class T>
    explicit number(const T& x) : value_(twice(x))  // found
    {
    }
    int doubled() const { return detail::twice(value_) + three(); }

private:
    int value_;
};

class pair_of_numbers {
public:
    int twice(int x) const { return x; }
    int both() const { return twice(1) + other_->twice(2); }  // a member: twice(...) finds nothing else

private:
    const pair_of_numbers* other_ = nullptr;
};

template <class T>
int local(const T& x)
{
    const auto twice = [](const T& y) { return y; };
    return twice(x);
}

}  // namespace parmap::inline v0_2::detail
