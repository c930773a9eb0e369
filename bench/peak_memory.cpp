// SPDX-License-Identifier: Apache-2.0
// The peak memory of a map of 10^8 doubles, compared with the memory of its input and output.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <parmap/parmap.hpp>

namespace {

/// The peak resident memory of this process (VmHWM), in bytes; 0 where /proc does not have it.
std::size_t peak_resident()
{
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes) return kibibytes << 10U;
    }
    return 0;
}

}  // namespace

int main()
{
    const std::vector<double> input(100'000'000, 1.5);
    const std::vector<double> output = parmap::map(input, [](double x) { return x * x; });
    if (output.back() != 2.25) return EXIT_FAILURE;
    const std::size_t held = (input.size() + output.size()) * sizeof(double);
    std::cout << "10^8 doubles mapped: input and output hold " << (held >> 20U) << " MiB, at most "
              << (peak_resident() >> 20U) << " MiB were resident (goal: 32 MB more)\n";
}
