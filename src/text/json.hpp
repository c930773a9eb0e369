// SPDX-License-Identifier: Apache-2.0
// Text in JSON.
#pragma once

#include <string>
#include <string_view>

#include "text/printable.hpp"

namespace parmap::inline v0_2::detail {

/// The text as a JSON string, with its quotes. Characters that cannot be shown are replaced as in printable().
inline std::string json_string(std::string_view text)
{
    std::string json = "\"";
    for (const char c : printable(text, true)) {
        if (c == '"' || c == '\\') json += '\\';
        json += c;
    }
    return json + '"';
}

}  // namespace parmap::inline v0_2::detail
