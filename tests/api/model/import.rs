//! `ImportUsers`, by the service and by the reference.

use std::time::Duration;

use vestibule::proto::v1::{
    ErrorReason, EventKind, ImportUsersRequest, ImportedUser, UserStatus, find_user_request::Key,
};

use super::{
    PASSWORDS, World,
    agreement::{Check, reasoned, same, timestamp},
    operation::Row,
    state::Import,
};

const YEAR: Duration = Duration::from_hours(365 * 24);

impl World<'_> {
    pub(super) async fn import(&mut self, row: Row) -> Check {
        let users = &self.state.users;
        let spent = row
            .id
            .and_then(|id| usize::from(id).checked_rem(users.len()));
        let spent = spent.map(|user| users[user].id.clone());
        let import = Import {
            id: spent.unwrap_or_default(),
            email: self.address(row.at),
            password: PASSWORDS[0].to_owned(),
            disabled: row.disabled,
            verified: row.verified,
            created: self.state.now - YEAR,
        };
        let rows = if row.twice { 2 } else { 1 };
        let request = ImportUsersRequest {
            validate_only: row.validate_only,
            users: vec![self.imported(&import); rows],
        };
        let told = reasoned(self.service.users.import(vec![request]).await)?;
        let expected = self.take(&import, row);
        let rows = told.refused_rows.iter();
        let refused = rows.flat_map(|row| row.faults.iter().map(|fault| (row.row, fault)));
        let refused: Vec<_> = refused
            .map(|(row, fault)| (row, fault.field.as_str(), fault.reason()))
            .collect();
        same("the refused rows", expected, refused)?;
        // A new id is told nowhere but here.
        let Some(user) = self.state.find(&import.email) else {
            return Ok(());
        };
        let found = self.service.users.find_by(Key::Email(import.email)).await;
        self.state.check_user(user, &reasoned(found)?)
    }

    /// What is refused of the rows.
    fn take(&mut self, import: &Import, row: Row) -> Vec<(u64, &'static str, ErrorReason)> {
        let first = self.state.import(import);
        let mut refused = Vec::new();
        let mut refuse = |row, fields: Vec<&'static str>| {
            let reason = |field| match field {
                "email" => ErrorReason::EmailTaken,
                _ => ErrorReason::InvalidField,
            };
            refused.extend(fields.into_iter().map(|field| (row, field, reason(field))));
        };
        match first {
            Err(fields) => {
                refuse(1, fields.clone());
                if row.twice {
                    refuse(2, fields);
                }
            }
            Ok(user) => {
                if row.twice {
                    let id = (!import.id.is_empty()).then_some("id");
                    refuse(2, id.into_iter().chain(["email"]).collect());
                }
                if !row.validate_only {
                    self.state.add(user, EventKind::UserImported);
                }
            }
        }
        refused
    }

    fn imported(&self, import: &Import) -> ImportedUser {
        let status = if import.disabled {
            UserStatus::Disabled
        } else {
            UserStatus::Active
        };
        ImportedUser {
            id: import.id.clone(),
            email: import.email.clone(),
            password_hash: self.service.hash.clone(),
            email_verified: import.verified,
            created_at: Some(timestamp(import.created)),
            status: status.into(),
            password_nfc: true,
        }
    }
}
