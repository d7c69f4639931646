//! Columns that mean the same on both databases. SQLite would store anything in a column, so what
//! Postgres enforces by type it enforces by CHECK.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// `uuid` on Postgres, a BLOB of 16 bytes on SQLite.
pub(crate) fn uuid(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match manager.get_database_backend() {
        DbBackend::Sqlite => column
            .custom("blob")
            .check(Expr::cust(format!("length({name}) = 16"))),
        _ => column.uuid(),
    };
    column
}

/// SHA-256: 32 bytes.
pub(crate) fn sha256(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column
        .binary()
        .check(Expr::cust(format!("length({name}) = 32")));
    column
}

/// Microseconds since the Unix epoch: the same value and the same order on both databases.
pub(crate) fn instant(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer();
    column
}
