//! A replay of the field's mistakes: one file for each vulnerability of another product, named after it,
//! that can be stated at this API. docs/promises.md lists those that cannot.

mod cve_2022_23555;
mod cve_2023_22492;
mod cve_2023_45142;
mod cve_2023_6787;
mod cve_2024_3656;
mod cve_2024_47070;
mod cve_2025_0604;
mod cve_2025_12390;
mod cve_2025_52553;
mod cve_2025_61928;
mod cve_2025_64102;
mod cve_2025_64521;
mod cve_2025_71402;
mod cve_2026_1035;
mod cve_2026_109373;
mod cve_2026_117499;
mod cve_2026_123797;
mod cve_2026_123799;
mod cve_2026_134315;
mod cve_2026_134321;
mod cve_2026_134461;
mod cve_2026_135175;
mod cve_2026_18963;
mod cve_2026_25748;
mod cve_2026_26273;
mod cve_2026_27840;
mod cve_2026_27946;
mod cve_2026_45364;
mod cve_2026_49448;
mod cve_2026_53516;
mod cve_2026_55670;
mod cve_2026_73431;
mod cve_2026_76835;
mod cve_2026_81826;
mod cve_2026_82469;
mod cve_2026_86863;
mod cve_2026_97367;
mod cve_2026_9798;
mod ghsa_7qjx_gp9h_65qj;
mod ghsa_x732_6j76_qmhm;

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Request, Status};
use uuid::Uuid;
use vestibule::{
    auth::Callers,
    domain::{
        Budget, CallerName, Clock, OneTimeTokenId, PasswordResetKind, SessionId, SessionToken,
        Token, TokenPurpose, UserId,
    },
    mail::SmtpTls,
    proto::v1::{
        ClientInfo, CreateSessionForUserRequest, RequestPasswordResetRequest, ResetPasswordRequest,
        SessionStatus, ValidLoginRequest, create_session_for_user_request,
    },
    transport::AuthServiceAccess,
};

use crate::{
    account::proofs::{calls_about_sessions, calls_with_session},
    harness::{
        Database, Fault, Issue, PASSWORD, Plan, Server, ServerProcess, Sink, email, eventually,
        frame, methods_of, scale,
    },
};

const WRONG: &str = "a canary sings at ten";
const NEW: &str = "a sparrow sings at eleven";
/// Of a password that nobody here has.
const HASH: &str = "$2a$04$3i9y5SVpb8H1ZjhIZUTFwe4gml0uoK2UczKp.In9c8M8sAINZLCf6";

fn client_at(ip: &str) -> ClientInfo {
    ClientInfo {
        ip: ip.to_owned(),
        user_agent: String::new(),
    }
}

/// Tries a wrong password from an address.
async fn login_from(app: &Server, email: &str, ip: &str) -> Result<bool, Status> {
    let request = ValidLoginRequest {
        email: email.to_owned(),
        password: WRONG.to_owned(),
        client: Some(client_at(ip)),
    };
    let answer = app.grpc().clone().valid_login(request).await?;
    Ok(answer.into_inner().valid)
}
