/// Words that no plugin can have as its name, since they cannot be the name of a module, crate or package.
enum ReservedWords {
  /// The keywords in lower case of C, C++, Go, Rust, Swift and Zig, the libraries that come with these languages, and the
  /// name of the SDK.
  static let all: Set<String> = Set(
    """
    abstract actor addrspace alignas alignof alloc allowzero and and_eq anyframe anytype as asm associatedtype async atomic
    auto await become bitand bitor bool borrowing box break builtin callconv case catch chan char class co_await co_return
    co_yield compl comptime concept const const_cast consteval constexpr constinit consuming continue core crate decltype
    default defer deinit delete do double dyn dynamic_cast else enum errdefer error explicit export extension extern
    fallthrough false fileprivate final float fn for foundation friend func gen glibc go goto guard if impl import in indirect
    infix init inline inout int interface internal is lazy let linksection long loop macro main map match mod move mut
    mutable namespace new nil noalias noexcept noinline nosuspend not not_eq nullptr opaque open operator or or_eq orelse
    outrider override package packed postfix precedencegroup prefix priv private proc_macro protected protocol pub public
    range ref register reinterpret_cast repeat requires rethrows return select self short signed sizeof some static
    static_assert static_cast std struct subscript super suspend swift switch template test testing this thread_local
    threadlocal throw throws trait true try type typealias typedef typeid typename typeof undefined union unreachable unsafe
    unsized unsigned use using usingnamespace var virtual void volatile wchar_t where while xor xor_eq yield
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}
