// SPDX-License-Identifier: Apache-2.0
// How many cells of a terminal a character takes. The C library knows: its tables follow Unicode. The program's own
// locale is neither asked nor changed.
#pragma once

#include <cwchar>

#include <locale.h>

namespace parmap::inline v0_2::detail {

/// In this scope, the calling thread uses the character type of UTF-8.
class utf8_scope {
public:
    utf8_scope()
    {
        // Kept for the process. Null where there is no such locale; then every character beyond ASCII is unknown.
        static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
        if (utf8 != nullptr) previous_ = ::uselocale(utf8);
    }
    utf8_scope(const utf8_scope&) = delete;
    utf8_scope& operator=(const utf8_scope&) = delete;
    ~utf8_scope()
    {
        if (previous_ != nullptr) ::uselocale(previous_);
    }

private:
    locale_t previous_{};
};

/// The cells of a character, inside a utf8_scope; negative when it cannot be shown.
inline int character_width(char32_t code) noexcept
{
    return ::wcwidth(static_cast<wchar_t>(code));
}

}  // namespace parmap::inline v0_2::detail
