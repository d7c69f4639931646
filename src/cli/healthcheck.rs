//! `vestibule healthcheck`: asks a running server on this machine whether it serves, for probes in
//! images that have neither a shell nor curl.

use std::{net::SocketAddr, time::Duration};

use tokio::{runtime, time};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{exit::Exit, output};
use crate::{
    config::{self, Environment, Flags, Problems},
    telemetry::chain,
};

/// Connecting and answering together.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Prints the server's state: exit 0 where it is SERVING.
///
/// # Errors
/// The configuration is faulty; nothing was dialled.
pub(super) fn run(flags: &Flags, environment: &Environment) -> Result<Exit, Problems> {
    let address = config::healthcheck_address(flags, environment)?;
    let outcome = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(ask(address)));
    Ok(match outcome {
        Ok(ServingStatus::Serving) => {
            output::answer(&"SERVING");
            Exit::Done
        }
        Ok(status) => {
            output::error(&format_args!("{address} is {}", status.as_str_name()));
            Exit::Failed
        }
        Err(error) => {
            output::error(&format_args!("{address} does not answer: {error}"));
            Exit::Failed
        }
    })
}

async fn ask(address: SocketAddr) -> Result<ServingStatus, String> {
    let answer = time::timeout(TIMEOUT, async {
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| chain(&error))?
            .connect()
            .await
            .map_err(|error| chain(&error))?;
        let answer = HealthClient::new(channel)
            .check(HealthCheckRequest::default())
            .await
            .map_err(|status| status.code().to_string())?;
        Ok(answer.into_inner().status())
    });
    answer
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())))
}
