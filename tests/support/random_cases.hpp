// SPDX-License-Identifier: Apache-2.0
// What tests of random cases share: PARMAP_TEST_SEED replays a run, PARMAP_TEST_CASES sets how many cases.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace parmap::testing {

/// The number in an environment variable, or `otherwise` where it is not set.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise)
{
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace parmap::testing
