// SPDX-License-Identifier: Apache-2.0
// Text in JSON; pure.
#pragma once

#include <string>
#include <string_view>

namespace parmap::inline v0_2::detail {

/// The text as a JSON string, with its quotes; what cannot be shown is replaced as in printable().
std::string quoted(std::string_view text);

}  // namespace parmap::inline v0_2::detail
