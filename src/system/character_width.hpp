// SPDX-License-Identifier: Apache-2.0
// How many cells of a terminal a character takes. Widths are the C library's, which follows Unicode; the program's own
// locale is neither asked nor changed.
#pragma once

#include <locale.h>

namespace parmap::inline v0_2::detail {

/// The calling thread's character type is UTF-8's in this scope; the program's locale stays as it is.
class utf8_scope {
public:
    utf8_scope();
    utf8_scope(const utf8_scope&) = delete;
    utf8_scope& operator=(const utf8_scope&) = delete;
    ~utf8_scope();

    /// The cells of a character; negative for one that cannot be shown.
    int width(char32_t code) const noexcept;

private:
    locale_t previous_{};
};

}  // namespace parmap::inline v0_2::detail
