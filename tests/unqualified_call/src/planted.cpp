// SPDX-License-Identifier: Apache-2.0
// What kept parmap from compiling with g++ 13: std::quoted is found beside std::string.
#include <string>

namespace parmap::inline v0_2::detail {

std::string quoted(const std::string& text)
{
    return '"' + text + '"';
}

std::string label(const std::string& text)
{
    return quoted(text) + detail::quoted(text);  // the first is found
}

}  // namespace parmap::inline v0_2::detail
