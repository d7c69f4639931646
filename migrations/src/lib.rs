//! Vestibule's database schema, one module per change.
//!
//! Each migration runs on Postgres and on SQLite, inside one transaction. A release only expands
//! the schema, so that the release before it can serve on the new one; what falls out of use is
//! dropped one release later.

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod columns;
mod m20261123_000001_create_users;
mod m20261123_000002_create_sessions;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_users::Migration),
            Box::new(m20261123_000002_create_sessions::Migration),
        ]
    }
}
