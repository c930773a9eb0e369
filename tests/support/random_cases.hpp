// SPDX-License-Identifier: Apache-2.0
// What tests of random cases share: the variables that replay a run.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace parmap::testing {

inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise)
{
    const char* const text = std::getenv(name);
    return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace parmap::testing
