// SPDX-License-Identifier: Apache-2.0
// A parser for the output of task_graph::dot(): it knows only the part of Graphviz's language that dot() uses.
#pragma once

#include <cctype>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace parmap::testing {

struct dot_graph {
    using attributes = std::map<std::string, std::string>;

    std::map<std::string, attributes> nodes;
    std::vector<std::pair<std::string, std::string>> edges;
};

class dot_parser {
public:
    explicit dot_parser(std::string_view text) : rest_(text) {}

    /// \throws std::invalid_argument when the text is no such graph
    dot_graph parse()
    {
        expect("digraph");
        identifier();
        expect("{");
        while (!accept("}")) statement();
        if (!rest_.empty() && rest_ != "\n") fail("the end");
        return std::move(graph_);
    }

private:
    [[noreturn]] void fail(std::string_view wanted) const
    {
        throw std::invalid_argument("no " + std::string(wanted) + " at: " + std::string(rest_.substr(0, 60)));
    }

    void skip_space()
    {
        while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0) rest_.remove_prefix(1);
    }

    bool accept(std::string_view token)
    {
        skip_space();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }

    void expect(std::string_view token)
    {
        if (!accept(token)) fail(token);
    }

    std::string identifier()
    {
        skip_space();
        std::size_t length = 0;
        while (length < rest_.size() &&
               (std::isalnum(static_cast<unsigned char>(rest_[length])) != 0 || rest_[length] == '_')) {
            ++length;
        }
        if (length == 0) fail("identifier");
        std::string found(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return found;
    }

    /// A value as Graphviz draws it: \n is a new line, another character after a backslash is itself, &amp; is &.
    std::string value()
    {
        if (!accept("\"")) return identifier();
        std::string text;
        while (!rest_.starts_with('"')) {
            if (rest_.starts_with('\\')) {
                rest_.remove_prefix(1);
                if (rest_.empty() || std::string_view("n\\\"").find(rest_.front()) == std::string_view::npos)
                    fail("known escape");
                text += rest_.front() == 'n' ? '\n' : rest_.front();
            } else if (rest_.starts_with('&')) {
                if (!rest_.starts_with("&amp;")) fail("character by its name");
                rest_.remove_prefix(std::string_view("amp;").size());
                text += '&';
            } else {
                if (rest_.empty() || rest_.front() == '\n') fail("closing quote");
                text += rest_.front();
            }
            rest_.remove_prefix(1);
        }
        rest_.remove_prefix(1);
        return text;
    }

    dot_graph::attributes attribute_list()
    {
        dot_graph::attributes list;
        expect("[");
        while (!accept("]")) {
            const std::string name = identifier();
            expect("=");
            list[name] = value();
            accept(",");
        }
        return list;
    }

    void statement()
    {
        const std::string name = identifier();
        if (accept("=")) {
            value();
        } else if (accept("->")) {
            graph_.edges.emplace_back(name, identifier());
        } else {
            const auto list = attribute_list();
            if (name != "node" && !graph_.nodes.emplace(name, list).second) fail("new node");
        }
        expect(";");
    }

    std::string_view rest_;
    dot_graph graph_;
};

}  // namespace parmap::testing
