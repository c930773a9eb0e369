// SPDX-License-Identifier: Apache-2.0
// Prints the number of CPUs that parmap uses here, and why.
#include <iostream>

#include <parmap/workers.hpp>

int main()
{
    std::cout << parmap::describe(parmap::detect_cpu_limits()) << '\n';
}
