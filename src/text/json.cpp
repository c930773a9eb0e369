// SPDX-License-Identifier: Apache-2.0
#include "text/json.hpp"

#include "text/printable.hpp"

namespace parmap::inline v0_2::detail {

std::string quoted(std::string_view text)
{
    std::string json = "\"";
    for (const char c : printable(text, true)) {
        if (c == '"' || c == '\\') json += '\\';
        json += c;
    }
    return json + '"';
}

}  // namespace parmap::inline v0_2::detail
