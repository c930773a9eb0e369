// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include <parmap/workers.hpp>

int main()
{
    std::cout << parmap::describe(parmap::detect_cpu_limits()) << '\n';
}
