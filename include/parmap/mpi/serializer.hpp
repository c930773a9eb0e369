// SPDX-License-Identifier: Apache-2.0
// How values travel between ranks: as the bytes that a serializer writes and reads. There is one for every trivially
// copyable type that is no address itself, for strings, and for vectors, pairs, tuples, optionals and arrays of types
// that have one.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <parmap/detail/config.hpp>

namespace parmap::inline v0_2::mpi {

/// Turns a value of type T into bytes and back. Specialise it for other types, and for a trivially copyable type that
/// holds a pointer or a view: its bytes would be copied, and the address is invalid on other ranks.
///
/// ```cpp
/// template <>
/// struct parmap::mpi::serializer<matrix> {
///     static void write(writer& to, const matrix& m) { to.value(m.rows); to.value(m.numbers); }
///     static matrix read(reader& from)
///     {
///         const auto rows = from.value<std::size_t>();
///         return {rows, from.value<std::vector<double>>()};
///     }
/// };
/// ```
///
/// It writes at least one byte a value, so that counts can be checked. All ranks must have the same byte order and
/// sizes.
template <class T>
struct serializer;

class writer;
class reader;

/// A type that travels between ranks.
template <class T>
concept serializable = requires(writer& to, reader& from, const T& value) {
    serializer<T>::write(to, value);
    {
        serializer<T>::read(from)
    } -> std::convertible_to<T>;
};

/// Collects bytes.
class writer {
public:
    /// Appends bytes.
    /// \param data  the first of them
    /// \param size  how many
    void bytes(const void* data, std::size_t size)
    {
        if (size == 0) return;
        const std::size_t end = bytes_.size();
        bytes_.resize(end + size);
        std::memcpy(bytes_.data() + end, data, size);
    }

    /// Appends a value.
    /// \param v  is written by its serializer
    template <serializable T>
    void value(const T& v)
    {
        serializer<T>::write(*this, v);
    }

    /// \return the number of bytes so far.
    std::size_t size() const noexcept { return bytes_.size(); }
    /// \return the bytes; the writer is empty afterwards.
    std::vector<std::byte> take() noexcept { return std::exchange(bytes_, {}); }

    /// Drops the last bytes.
    /// \param size  how many of the first stay
    void shorten(std::size_t size) { bytes_.resize(size); }

private:
    std::vector<std::byte> bytes_;
};

/// Reads bytes, from the first on.
class reader {
public:
    /// Reads bytes from the first on.
    /// \param bytes  not owned
    explicit reader(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

    /// Copies the next bytes.
    /// \param data  where to
    /// \param size  how many
    /// \throws std::out_of_range  when there are fewer
    void bytes(void* data, std::size_t size)
    {
        need(size);
        if (size != 0) std::memcpy(data, rest_.data(), size);
        rest_ = rest_.subspan(size);
    }

    /// \return the next value, as its serializer reads it.
    /// \throws std::out_of_range  when fewer bytes are left than it takes
    template <serializable T>
    T value()
    {
        return serializer<T>::read(*this);
    }

    /// \return the number of bytes that are left.
    std::size_t size() const noexcept { return rest_.size(); }

    /// \return the next number, which counts things that follow; each takes at least one byte.
    /// \throws std::out_of_range  when fewer bytes than that are left
    std::size_t count()
    {
        std::uint64_t n{};
        bytes(&n, sizeof n);
        need(n);
        return static_cast<std::size_t>(n);
    }

private:
    void need(std::uint64_t size) const
    {
        if (size > rest_.size()) {
            throw std::out_of_range(
                "parmap::mpi: a message ends in the middle of a value: a serializer reads more than it writes");
        }
    }

    std::span<const std::byte> rest_;
};

namespace detail {

/// Whether T is an address, which is invalid on other ranks. Members of a class are not checked.
template <class T>
inline constexpr bool is_address = std::is_pointer_v<T> || std::is_member_pointer_v<T>;
template <>
inline constexpr bool is_address<std::string_view> = true;
template <class T, std::size_t N>
inline constexpr bool is_address<std::span<T, N>> = true;
template <class T>
inline constexpr bool is_address<std::reference_wrapper<T>> = true;

template <class T>
concept plain_bytes =
    std::is_trivially_copyable_v<T> && !is_address<T> && (!std::is_empty_v<T> || std::is_default_constructible_v<T>);

/// Has a serializer below that serializes the parts.
template <class T>
inline constexpr bool is_composed = false;
template <class T, std::size_t N>
inline constexpr bool is_composed<std::array<T, N>> = true;
template <class A, class B>
inline constexpr bool is_composed<std::pair<A, B>> = true;
template <class... T>
inline constexpr bool is_composed<std::tuple<T...>> = true;
template <class T>
inline constexpr bool is_composed<std::optional<T>> = true;

}  // namespace detail

template <class T>
    requires(detail::plain_bytes<T> && !detail::is_composed<T>)
struct serializer<T> {
    static constexpr bool copies_bytes = !std::is_empty_v<T>;  // a vector copies its elements at once

    static void write(writer& to, const T& value)
    {
        if constexpr (copies_bytes) {
            to.bytes(std::addressof(value), sizeof value);
        } else {
            to.value(std::byte{});
        }
    }
    static T read(reader& from)
    {
        if constexpr (std::is_same_v<T, bool>) {
            return from.value<std::byte>() != std::byte{};  // other bytes than 0 and 1 would be undefined behaviour
        } else if constexpr (!copies_bytes) {
            from.value<std::byte>();
            return {};
        } else if constexpr (std::is_default_constructible_v<T>) {
            T value{};
            from.bytes(std::addressof(value), sizeof value);
            return value;
        } else {
            std::array<std::byte, sizeof(T)> bytes;
            from.bytes(bytes.data(), bytes.size());
            return std::bit_cast<T>(bytes);
        }
    }
};

template <class Char, class Traits, class Allocator>
    requires detail::plain_bytes<Char>
struct serializer<std::basic_string<Char, Traits, Allocator>> {
    static void write(writer& to, const std::basic_string<Char, Traits, Allocator>& value)
    {
        to.value(static_cast<std::uint64_t>(value.size() * sizeof(Char)));
        to.bytes(value.data(), value.size() * sizeof(Char));
    }
    static std::basic_string<Char, Traits, Allocator> read(reader& from)
    {
        std::basic_string<Char, Traits, Allocator> value(from.count() / sizeof(Char), Char());
        from.bytes(value.data(), value.size() * sizeof(Char));
        return value;
    }
};

template <serializable T, class Allocator>
struct serializer<std::vector<T, Allocator>> {
    static constexpr bool at_once = requires { requires serializer<T>::copies_bytes; } && !std::is_same_v<T, bool> &&
                                    std::is_default_constructible_v<T>;

    static void write(writer& to, const std::vector<T, Allocator>& value)
    {
        if constexpr (at_once) {
            to.value(static_cast<std::uint64_t>(value.size() * sizeof(T)));
            to.bytes(value.data(), value.size() * sizeof(T));
        } else {
            to.value(static_cast<std::uint64_t>(value.size()));
            for (const T& element : value) to.value(element);
        }
    }
    static std::vector<T, Allocator> read(reader& from)
    {
        const std::size_t n = from.count();
        if constexpr (at_once) {
            std::vector<T, Allocator> value(n / sizeof(T));
            from.bytes(value.data(), value.size() * sizeof(T));
            return value;
        } else {
            std::vector<T, Allocator> value;
            value.reserve(n);
            for (std::size_t i = 0; i < n; ++i) value.push_back(from.value<T>());
            return value;
        }
    }
};

template <serializable A, serializable B>
struct serializer<std::pair<A, B>> {
    static void write(writer& to, const std::pair<A, B>& value)
    {
        to.value(value.first);
        to.value(value.second);
    }
    static std::pair<A, B> read(reader& from)
    {
        A first = from.value<A>();
        return {std::move(first), from.value<B>()};
    }
};

template <serializable... T>
struct serializer<std::tuple<T...>> {
    static void write(writer& to, const std::tuple<T...>& value)
    {
        to.value(std::byte{});  // an empty tuple takes a byte too
        std::apply([&](const T&... part) { (to.value(part), ...); }, value);
    }
    static std::tuple<T...> read(reader& from)
    {
        from.value<std::byte>();
        return {from.value<T>()...};  // braces evaluate from left to right
    }
};

template <serializable T>
struct serializer<std::optional<T>> {
    static void write(writer& to, const std::optional<T>& value)
    {
        to.value(value.has_value());
        if (value) to.value(*value);
    }
    static std::optional<T> read(reader& from)
    {
        return from.value<bool>() ? std::optional<T>(from.value<T>()) : std::nullopt;
    }
};

template <serializable T, std::size_t N>
struct serializer<std::array<T, N>> {
    static void write(writer& to, const std::array<T, N>& value)
    {
        to.value(std::byte{});
        for (const T& element : value) to.value(element);
    }
    static std::array<T, N> read(reader& from)
    {
        from.value<std::byte>();
        return [&]<std::size_t... I>(std::index_sequence<I...> /*indices*/) {
            return std::array<T, N>{(static_cast<void>(I), from.value<T>())...};
        }(std::make_index_sequence<N>());
    }
};

}  // namespace parmap::inline v0_2::mpi
