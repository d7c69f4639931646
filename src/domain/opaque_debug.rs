//! `Debug` for values that must not be printed, so that no log line has a secret or an address by an
//! oversight.

/// Implements `Debug` for types as the name of the type alone, such as `Email(…)`.
macro_rules! opaque_debug {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )+};
}

pub(crate) use opaque_debug;
