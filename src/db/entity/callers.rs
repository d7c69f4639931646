//! The tables of callers: `callers`, `caller_keys`, `caller_grants` and `caller_identities`.

use sea_orm::entity::prelude::*;

use super::from_micros;
use crate::domain::{CallerKey, CallerKeyId, SecretHash};

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "callers")]
pub(in crate::db) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(in crate::db) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// `caller_keys`
pub(in crate::db) mod keys {
    use sea_orm::entity::prelude::*;

    use crate::domain::opaque_debug;

    #[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "caller_keys")]
    pub(in crate::db) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub caller: String,
        pub secret_hash: Vec<u8>,
        pub created_at: i64,
        pub expires_at: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(in crate::db) enum Relation {
        #[sea_orm(
            belongs_to = "super::grants::Entity",
            from = "Column::Caller",
            to = "super::grants::Column::Caller"
        )]
        Grants,
    }

    impl Related<super::grants::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Grants.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}

    opaque_debug!(Model);
}

/// `caller_grants`
pub(in crate::db) mod grants {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "caller_grants")]
    pub(in crate::db) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub caller: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub method: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(in crate::db) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `caller_identities`
pub(in crate::db) mod identities {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "caller_identities")]
    pub(in crate::db) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub identity: String,
        pub caller: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(in crate::db) enum Relation {
        #[sea_orm(
            belongs_to = "super::grants::Entity",
            from = "Column::Caller",
            to = "super::grants::Column::Caller"
        )]
        Grants,
    }

    impl Related<super::grants::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Grants.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

impl From<keys::Model> for CallerKey {
    fn from(row: keys::Model) -> Self {
        // The column is checked to hold 32 bytes; a row that does not matches no secret.
        let secret_hash = row.secret_hash.try_into().unwrap_or_default();
        Self {
            id: CallerKeyId::new(row.id),
            secret_hash: SecretHash::from_stored(secret_hash),
            created_at: from_micros(row.created_at),
            expires_at: row.expires_at.map(from_micros),
        }
    }
}
