//! Vestibule's database schema, one module per change. Each runs on Postgres and on SQLite.
