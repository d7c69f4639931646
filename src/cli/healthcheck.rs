//! `vestibule healthcheck`: asks a running server on this machine whether it serves, for probes in
//! images that have neither a shell nor curl.

mod tls;

use std::time::Duration;

use tokio::{runtime, time};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{exit::Exit, output};
use crate::{
    config::{self, ConfigProblems, Environment, Flags},
    telemetry::chain,
};

/// Connecting and answering together.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Prints the server's state: exit 0 where it is SERVING.
///
/// # Errors
/// The configuration is faulty; nothing was dialled.
pub(super) fn run(flags: &Flags, environment: &Environment) -> Result<Exit, ConfigProblems> {
    let config = config::HealthcheckConfig::load(flags, environment)?;
    let address = config.address;
    let outcome = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(ask(config)));
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

async fn ask(config: config::HealthcheckConfig) -> Result<ServingStatus, String> {
    let answer = time::timeout(TIMEOUT, async {
        let channel = connect(config).await.map_err(|error| chain(&error))?;
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

async fn connect(config: config::HealthcheckConfig) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{}", config.address))?;
    if config.tls {
        let connector = tower::service_fn(move |_| tls::connect(config.address));
        endpoint.connect_with_connector(connector).await
    } else {
        endpoint.connect().await
    }
}
