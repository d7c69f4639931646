//! `vestibule serve`: the service, from its configuration to its drain.

use tracing::{error, info};

use super::{confine, exit::Exit, output, runtime, signals, version};
use crate::{
    config::{Config, ConfigProblems, Environment, Flags},
    db::Target,
    server::{Application, ApplicationSettings, Readiness, TestHooks},
    telemetry::chain,
};

/// Serves until a signal.
///
/// # Errors
/// The configuration is faulty; nothing was bound.
pub(super) fn run(flags: &Flags, environment: &Environment) -> Result<Exit, ConfigProblems> {
    let config = Config::load(flags, environment)?;
    Ok(runtime::run(
        &config.telemetry,
        &config.warnings,
        serve(config.application, flags.dev),
    ))
}

const WITHOUT_SOURCE: &str = "throttle: a call from loopback or a proxy that tells no address has no source: \
     the count of its account alone limits it";

async fn serve(settings: ApplicationSettings, dev: bool) -> Exit {
    confine::confine();
    let stop = match signals::stop() {
        Ok(stop) => stop,
        Err(error) => {
            error!(%error, "not started: signals cannot be handled");
            return Exit::Failed;
        }
    };
    let target = settings.db.target.clone();
    let tls = settings.server.tls.is_some();
    let memory = settings.hashing.memory();
    let is_throttled = settings.auth.throttle.is_some();
    let application = match Application::build(settings, TestHooks::default()) {
        Ok(application) => application,
        Err(error) => {
            error!("not started: {}", chain(&error));
            return Exit::Failed;
        }
    };
    log_addresses(&application, tls);
    let connections = application.connections_max();
    info!("memory: {memory} at most, and 20 KiB for each of {connections} connections");
    if is_throttled {
        info!("{WITHOUT_SOURCE}");
    }
    if dev {
        let first_steps = first_steps(&application, &target, tls);
        let mut readiness = application.readiness();
        tokio::spawn(async move {
            // An error says that it ended before it was ready.
            if readiness
                .wait_for(|now| *now == Readiness::Ready)
                .await
                .is_ok()
            {
                output::answer(&first_steps);
            }
        });
    }
    application.run_until_stopped(stop).await;
    Exit::Done
}

fn log_addresses(application: &Application, tls: bool) {
    let rest = application.rest_address();
    info!(
        version = version::render(),
        grpc = %application.grpc_address(),
        rest = rest.map_or_else(|| "off".to_owned(), |address| address.to_string()),
        operations = %application.operations_address(),
        tls,
        "listening"
    );
}

/// What somebody who has just started it wants to know: where it is, where its data is, and a call.
/// It is said when that call would be answered.
fn first_steps(application: &Application, target: &Target, tls: bool) -> String {
    // A try on this machine needs no check of the certificate.
    let (scheme, curl, grpcurl) = if tls {
        ("https://", "curl -k", "grpcurl -insecure")
    } else {
        ("http://", "curl", "grpcurl -plaintext")
    };
    let (rest, call) = match application.rest_address() {
        Some(address) => {
            let url = if tls {
                format!("{scheme}{address}")
            } else {
                address.to_string()
            };
            (
                format!("{scheme}{address}"),
                format!(
                    "{curl} -d email=ada@example.com -d 'password=vestibule opens at nine' {url}/users"
                ),
            )
        }
        None => (
            "off".to_owned(),
            format!("{grpcurl} {} list", application.grpc_address()),
        ),
    };
    format!(
        "\nVestibule is open.\n\n  gRPC        {}\n  REST        {rest}\n  operations  http://{}/readyz\n  data        {target}\n\nTry, in another terminal:\n\n  {call}\n",
        application.grpc_address(),
        application.operations_address(),
    )
}
