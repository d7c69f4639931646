//! Vestibule's database schema, one module per change.
//!
//! Each migration runs on Postgres and on SQLite, inside one transaction. A release only expands
//! the schema, so that the release before it can serve on the new one; what falls out of use is
//! dropped one release later.

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod columns;
mod m20261123_000001_create_users;
mod m20261123_000002_create_sessions;
mod m20261125_000003_create_server_keys;
mod m20261125_000004_create_one_time_tokens;
mod m20261125_000005_create_mail_intents;
mod m20261125_000006_rotate_sessions;
mod m20261125_000007_create_callers;
mod m20261125_000008_create_events;
mod m20261125_000009_add_password_class;
mod m20261125_000021_index_addresses;
mod m20261126_000022_index_live_sessions;
mod m20261201_000023_account_flows;
mod m20261201_000024_create_throttles;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_users::Migration),
            Box::new(m20261123_000002_create_sessions::Migration),
            Box::new(m20261125_000003_create_server_keys::Migration),
            Box::new(m20261125_000004_create_one_time_tokens::Migration),
            Box::new(m20261125_000005_create_mail_intents::Migration),
            Box::new(m20261125_000006_rotate_sessions::Migration),
            Box::new(m20261125_000007_create_callers::Migration),
            Box::new(m20261125_000008_create_events::Migration),
            Box::new(m20261125_000009_add_password_class::Migration),
            Box::new(m20261125_000021_index_addresses::Migration),
            Box::new(m20261126_000022_index_live_sessions::Migration),
            Box::new(m20261201_000023_account_flows::Migration),
            Box::new(m20261201_000024_create_throttles::Migration),
        ]
    }
}

/// What undoing a migration drops, for the operator who is asked to confirm it.
pub fn loss(name: &str) -> &'static str {
    match name {
        "m20261123_000001_create_users" => "the table users with every user",
        "m20261123_000002_create_sessions" => "the table sessions with every session",
        "m20261125_000003_create_server_keys" => {
            "the table server_keys with the key that decoys are drawn with; a new one is made"
        }
        "m20261125_000004_create_one_time_tokens" => {
            "the table one_time_tokens: every reset, verification and change of address under way"
        }
        "m20261125_000005_create_mail_intents" => "the table mail_intents with all mail to be sent",
        "m20261125_000006_rotate_sessions" => {
            "the rotations of sessions: secrets that were replaced are forgotten"
        }
        "m20261125_000007_create_callers" => "the tables of callers with every key and grant",
        "m20261125_000008_create_events" => {
            "the table events with every event, and the ids of erased users"
        }
        "m20261125_000009_add_password_class" => {
            "the column password_class, which is computed from the stored hashes"
        }
        "m20261125_000021_index_addresses" => "the index that lists of addresses use",
        "m20261126_000022_index_live_sessions" => "the index that finds a user's live sessions",
        "m20261201_000023_account_flows" => {
            "all mail to be sent, who asked for one-time tokens, and when sessions ended others"
        }
        "m20261201_000024_create_throttles" => {
            "the table throttles: every count of failures and every known source of an account"
        }
        _ => "whatever it made",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_says_what_undoing_it_drops() {
        for migration in Migrator::migrations() {
            assert_ne!(loss(migration.name()), loss(""), "{}", migration.name());
        }
    }
}
