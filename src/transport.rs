//! Protocols: they convert, call `auth` and convert back.

use std::time::Duration;

use crate::{auth::Auth, server};
