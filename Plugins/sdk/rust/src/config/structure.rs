//! Structures that are decoded key by key.

/// Defines a structure that a table of the configuration becomes: [`Table::decode`](crate::config::Table::decode). A field is
/// a key. With a default, it is optional; so is one of type `Option`. All errors are reported at once, and keys that the
/// structure does not have are errors. See [`config`](mod@crate::config).
#[macro_export]
macro_rules! config {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident : $type:ty $(= $default:expr)?),* $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $type),*
        }

        impl $crate::config::Decode for $name {
            fn decode(value: $crate::config::Value) -> ::std::result::Result<Self, $crate::Failure> {
                let table = <$crate::config::Table as $crate::config::Decode>::decode(value)?;
                let expected = table.expect(&[$(stringify!($field)),*]);
                $(let $field = $crate::config!(@get table, $field: $type $(= $default)?);)*
                expected?;
                ::std::result::Result::Ok($name { $($field: $field?),* })
            }
        }
    };
    (@get $table:ident, $field:ident : $type:ty) => {
        $table.get::<$type>(stringify!($field))
    };
    (@get $table:ident, $field:ident : $type:ty = $default:expr) => {
        $table.get_or::<$type>(stringify!($field), $default)
    };
}
