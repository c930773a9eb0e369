// SPDX-License-Identifier: Apache-2.0
#include "json_text.hpp"

#include "cell_width.hpp"

namespace parmap::detail {

std::string quoted(std::string_view text)
{
    std::string json = "\"";
    for (const char c : printable(text, true)) {
        if (c == '"' || c == '\\') json += '\\';
        json += c;
    }
    return json + '"';
}

}  // namespace parmap::detail
