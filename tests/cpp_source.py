# SPDX-License-Identifier: Apache-2.0
"""Reads C++ as far as tests/coverage.py and tests/check_qualified_calls.py need it: tokens, scopes, names of functions.
It knows this project's style and not the whole language."""

import re

KEYWORDS = set("""
    alignas alignof and assert bool break case catch char class co_await co_return co_yield concept const const_cast
    consteval constexpr constinit continue decltype default defined delete do double dynamic_cast else enum explicit
    export extern false final float for friend goto if inline int long mutable namespace new noexcept not nullptr operator
    or override private protected public register reinterpret_cast requires return short signed sizeof static
    static_assert static_cast struct switch template this throw true try typedef typeid typename union unsigned using
    virtual void volatile while
""".split())
TOKEN = re.compile(r"[A-Za-z_]\w*|::|->|\d[\w'.]*|\S")


def tokens(path):
    """The tokens of a file with their lines; no comments, no preprocessor, strings left out."""
    text = path.read_text(encoding="utf-8")
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    text = re.sub(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.DOTALL)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.MULTILINE)
    line, position = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        yield match[0], line


def is_name(token):
    return re.match(r"[A-Za-z_]", token) is not None and token not in KEYWORDS


def after_template_arguments(words, i):
    """The index after `<...>` that begins at i, or i."""
    if i >= len(words) or words[i] != "<": return i
    depth = 0
    for j in range(i, min(len(words), i + 200)):
        if words[j] in "()" and depth == 0: return i
        if words[j] in ";{}": return i
        depth += {"<": 1, ">": -1}.get(words[j], 0)
        if depth == 0: return j + 1
    return i


def without_template(head):
    """A declaration's words without its `template <...>` and `requires(...)`."""
    while head[:1] == ["template"]: head = head[max(after_template_arguments(head, 1), 1):]
    if head[:2] != ["requires", "("]: return head
    depth = 0
    for i, word in enumerate(head):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if i > 1 and depth == 0: return head[i + 1:]
    return head


def scope_of(head, kinds):
    """What a brace after these words opens: a namespace, a class or something else, and its name."""
    if any(kind == "other" for kind in kinds): return "other", ""
    if "namespace" in head or head[:1] == ["extern"]: return "namespace", ""
    head = without_template(head)
    for kind in ("class", "struct", "union"):
        if kind in head and "(" not in head[:head.index(kind)] and "=" not in head:
            name = ""
            for word in head[head.index(kind) + 1:]:  # the last before `final`, bases or arguments
                if is_name(word) and word != "final": name = word
                elif word != "::": break
            return "class", name
    return "other", ""


def functions_by_line(path):
    """For each line that belongs to a function, its name: `name` or `class::name`; of a class's other lines its name."""
    names, scopes, parens, begin, function = {}, [], 0, 0, ""
    words, lines = [word for word, _ in tokens(path)], [line for _, line in tokens(path)]

    def label(first, last, name):
        for line in range(lines[first], lines[last] + 1): names.setdefault(line, name)

    for i, word in enumerate(words):
        kinds = [kind for kind, _, _ in scopes]
        at_top = parens == 0 and "other" not in kinds
        parens += {"(": 1, "[": 1, ")": -1, "]": -1}.get(word, 0)
        if word == "{":
            kind, name = scope_of(words[begin:i], kinds)
            if at_top and kind == "other":
                if words[begin:i] and words[begin] != ",": function = function_name(words[begin:i], scopes)
                scopes.append((kind, function, begin))
            else:
                scopes.append((kind, name, begin))
            if kind != "other": begin = i + 1
        elif word == "}" and scopes:
            kind, name, first = scopes.pop()
            if "other" not in (kind for kind, _, _ in scopes) and kind != "namespace" and parens == 0:
                label(first, i, name)
                begin = i + 1
        elif word == ";" and at_top:
            begin = i + 1
    return names


def function_name(head, scopes):
    """The name of the function whose definition begins with these words, after those of the classes it is in."""
    classes = [name for kind, name, _ in scopes if kind == "class" and name]
    head = without_template(head)
    for i, word in enumerate(head):
        following = after_template_arguments(head, i + 1)
        if word == "operator":
            return "::".join(classes + ["operator" + "".join(head[i + 1:head.index("(", i + 2)])])
        if is_name(word) and following < len(head) and head[following] == "(":
            first = i - 1 if i and head[i - 1] == "~" else i
            name = ["".join(head[first:i + 1])]
            while first >= 2 and head[first - 1] == "::" and is_name(head[first - 2]):
                first -= 2
                name.insert(0, head[first])
            return "::".join(classes + name)
    return "::".join(classes)
