// SPDX-License-Identifier: Apache-2.0
#include "system/character_width.hpp"

#include <cwchar>

namespace parmap::inline v0_2::detail {

utf8_scope::utf8_scope()
{
    // Kept for the process. Null where there is no such locale; then all but ASCII counts as unknown.
    static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (utf8 != nullptr) previous_ = ::uselocale(utf8);
}

utf8_scope::~utf8_scope()
{
    if (previous_ != nullptr) ::uselocale(previous_);
}

int utf8_scope::width(char32_t code) const noexcept
{
    return ::wcwidth(static_cast<wchar_t>(code));
}

}  // namespace parmap::inline v0_2::detail
