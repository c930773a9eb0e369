#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds calls of our own functions that argument-dependent lookup may turn into calls of somebody else's.

usage: check_qualified_calls.py ROOT     exit code 1 and a line for each such call

A call `f(x)` without a namespace before it also finds a function f beside the type of x, and that one may fit better.
- In include/ every call of a function of ours at namespace scope is qualified: x may be of any type of a user.
- In src/ no type of a user is known, but types of std are. There the calls of functions are qualified whose name
  namespace std has as well, in some version of C++ (STD below), since a later library may have it where today's has not.
A call without arguments, of a member, of a local variable or of a constructor does not look beside any type.
"""

import pathlib
import sys

from cpp_source import after_template_arguments, is_name, scope_of, tokens

# Functions at namespace scope of std, up to C++26, whose names a function of ours might have.
STD = set("""
    abs accumulate advance all_of any_of apply as_const async begin bind bit_cast byteswap call_once cbegin ceil cend
    clamp cmp_equal cmp_less construct_at copy copy_if copy_n count count_if countl_zero countr_zero crbegin crend data
    declval destroy destroy_at distance emit_on_flush empty end endl equal erase erase_if exchange exclusive_scan exit
    fill fill_n find find_end find_first_of find_if find_if_not find_last flush fmax fmin for_each for_each_n format
    format_to format_to_n formatted_size forward forward_like from_chars generate generate_n get get_if getline
    has_single_bit holds_alternative includes inclusive_scan inner_product invoke invoke_r iota is_sorted iter_swap
    launder lerp lock log make_any make_exception_ptr make_format_args make_heap make_optional make_pair make_shared
    make_tuple make_unique max max_element merge midpoint min min_element minmax mismatch move move_backward next none_of
    notify_all_at_thread_exit nth_element partial_sort partial_sum partition pow prev print println put_money put_time
    quoted rank rbegin ranges reduce ref remove remove_if rend replace replace_if resetiosflags rethrow_exception
    rethrow_if_nested reverse rotate round rotl rotr sample search set_intersection set_union setbase setfill
    setprecision setw shift_left shift_right shuffle size sort ssize stable_sort start_lifetime_as stod stoi stol
    submdspan swap swap_ranges terminate throw_with_nested tie to_address to_chars to_string to_underlying to_wstring
    transform transform_reduce tuple_cat uninitialized_copy uninitialized_fill uninitialized_move unique unreachable
    upper_bound vformat visit visit_format_arg vprint_unicode
""".split())

# After these an expression begins, so that a name is not that of a declaration.
BEFORE_AN_EXPRESSION = set("return co_return co_yield co_await throw else do case not and or".split())

class Source:
    """A file's functions at namespace scope, members of its classes, and its calls."""

    def __init__(self, path):
        self.path = path
        pairs = list(tokens(path))
        self.words, self.lines = [word for word, _ in pairs], [line for _, line in pairs]
        self.functions, self.members, self.calls = set(), {}, []
        self.read()

    def read(self):
        words, scopes, parens, begin = self.words, [], 0, 0
        definition = 0  # where the declaration at namespace scope began that the current token is in
        self.definitions = [0] * len(words)
        for i, word in enumerate(words):
            kinds = [kind for kind, _ in scopes]
            if all(kind == "namespace" for kind in kinds) and parens == 0 and i == begin: definition = i
            self.definitions[i] = definition
            if word in "([": parens += 1
            elif word in ")]": parens -= 1
            elif word == "{":
                scopes.append(scope_of(words[begin:i], kinds))
                if scopes[-1][0] in ("namespace", "class"): begin = i + 1
            elif word == "}":
                if scopes: scopes.pop()
                if parens == 0: begin = i + 1
            elif word == ";" and parens == 0: begin = i + 1
            elif word == ":" and parens == 0 and words[i - 1] in ("public", "private", "protected"): begin = i + 1
            elif is_name(word): self.read_name(i, begin, parens, scopes)

    def read_name(self, i, begin, parens, scopes):
        words, word = self.words, self.words[i]
        before = words[i - 1] if i else ""
        open_at = after_template_arguments(words, i + 1)
        if open_at >= len(words) or words[open_at] != "(" or before in (".", "->", "::", "~", "new"): return
        declares = (is_name(before) or before in ("*", "&", ">", "]", "auto", "bool", "void", "int", "double", "char")
                    ) and before not in BEFORE_AN_EXPRESSION
        kind, of = scopes[-1] if scopes else ("namespace", "")
        if kind in ("namespace", "class") and parens == 0 and "=" not in words[begin:i]:
            if kind == "class": self.members.setdefault(of, set()).add(word)
            elif declares: self.functions.add(word)
            return
        if words[open_at + 1] == ")": return  # no arguments
        if declares and before not in ("&", "*", ">", "]"): return  # a local variable of this name
        around = {name for kind, name in scopes if kind == "class"} | set(self.out_of_line(i))
        self.calls.append((i, word, around))

    def out_of_line(self, i):
        """The class whose member's definition this token is in, outside of the class."""
        words = self.words[self.definitions[i]:i]
        for j in range(len(words) - 1):
            if words[j] == "{": return
            if words[j + 1] == "::" and is_name(words[j]): yield words[j]
            if words[j + 1] == "<" and is_name(words[j]): yield words[j]

    def has_local(self, i):
        """Whether the definition that this call is in has a variable of its name."""
        words, name = self.words, self.words[i]
        for j in range(self.definitions[i] + 1, i):
            if words[j] == name and words[j + 1] in ("=", "{", ",", ")", ";", ":"):
                if is_name(words[j - 1]) and words[j - 1] not in BEFORE_AN_EXPRESSION: return True
                if words[j - 1] in ("auto", "&", "*", ">", "int", "bool", "double"): return True
        return False


def main(root):
    headers = [Source(path) for path in sorted((root / "include").rglob("*.hpp"))]
    private = [Source(path) for path in sorted((root / "src").rglob("*.[hc]pp"))]
    if not headers or not private: sys.exit(f"no headers below {root}/include, or no sources below {root}/src")
    ours = set().union(*(source.functions for source in headers))
    ours_and_std = (ours | set().union(*(source.functions for source in private))) & STD
    members = {}
    for source in headers + private:
        for name, functions in source.members.items(): members.setdefault(name, set()).update(functions)
    found = 0
    for source, names in [(source, ours) for source in headers] + [(source, ours_and_std) for source in private]:
        for i, name, classes in source.calls:
            if name not in names or any(name in members.get(c, ()) for c in classes) or source.has_local(i): continue
            found += 1
            print(f"{source.path.relative_to(root)}:{source.lines[i]}: {name}(...) finds functions beside its arguments' "
                  f"types: write detail::{name}(...), or parmap::{name}(...) where it is public")
    print(f"{found} unqualified calls, of {len(ours)} functions of headers and {len(ours_and_std)} of sources that std has")
    return 1 if found else 0


if len(sys.argv) != 2:
    sys.exit(__doc__)
sys.exit(main(pathlib.Path(sys.argv[1])))
