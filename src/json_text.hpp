// SPDX-License-Identifier: Apache-2.0
// Text in JSON; pure.
#pragma once

#include <string>
#include <string_view>

namespace parmap::detail {

/// The text as a JSON string, with its quotes; what cannot be shown is replaced as in printable().
std::string quoted(std::string_view text);

}  // namespace parmap::detail
