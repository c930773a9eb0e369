#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one program of the ```cpp blocks of headers' comments and of Markdown files, which runs them all in turn.

usage: doc_examples.py OUTPUT FILE...

A block is one of these. Where a line ends in a comment `// name == value`, that is checked.
- The body of a function among the names of doc_examples.hpp.
- A program: it has a line `int main()` or `int main(int argc, char** argv)`.
- Declarations that are compiled and not run: it begins with a namespace, or specialises a template.
"""

import re
import sys

FENCE = re.compile(r"^\s*(?:///)? ?```(.*)$")
CHECK = re.compile(r"// (\w+) == (.*)$")
MAIN = re.compile(r"^int main\((.*)\)$", re.MULTILINE)


def blocks(path):
    """The blocks of a file, each as the number of its first line and its lines."""
    inside = False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if fence := FENCE.match(line):
                if not inside and fence[1] == "cpp":
                    begin, lines = number + 1, []
                elif inside and lines is not None:
                    yield begin, lines
                else:
                    lines = None  # in another language
                inside = not inside
            elif inside and lines is not None:
                lines.append(re.sub(r"^\s*/// ?", "", line))


def function(name, path, begin, lines):
    """The function that a block is made to be, and what it includes."""
    includes = [line for line in lines if line.startswith("#include")]
    code = ["" if line in includes else CHECK.sub(r"expect(\1, \2);", line) for line in lines]
    where = f'#line {begin} "{path}"'
    body = "\n".join(code)
    if main := MAIN.search(body):
        program = MAIN.sub(r"void run(\1)", body)
        arguments = "0, nullptr" if main[1] else ""
        return includes, f"namespace {name} {{\n{where}\n{program}\n}}\n", f"{name}::run({arguments});"
    if "template <>" in lines:
        return includes, f"{where}\n{body}\n", ""
    if lines[0].startswith("namespace "):
        return includes, f"namespace {name} {{\n{where}\n{body}\n}}\n", ""
    return includes, f"struct {name} : surroundings {{\nvoid run() {{\n{where}\n{body}\n}}\n}};\n", f"{name}().run();"


def main(output, paths):
    examples = [(path, *block) for path in paths for block in blocks(path)]
    functions = [function(f"example_{i}", *example) for i, example in enumerate(examples, 1)]
    with open(output, "w", encoding="utf-8") as file:
        file.write("#include <doc_examples.hpp>\n")
        for includes, _, _ in functions:
            file.writelines(f"{line}\n" for line in includes)
        for _, definition, _ in functions:
            file.write(definition)
        file.write("int main() {\n")
        file.writelines(f"{call}\n" for _, _, call in functions)
        file.write(f'std::cout << "{len(functions)} examples ran\\n";\n}}\n')


main(sys.argv[1], sys.argv[2:])
