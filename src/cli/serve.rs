//! `vestibule serve`: the service, from its configuration to its drain.

use std::path;

use tokio::runtime::Runtime;
use tracing::{error, info, warn};

use super::{exit::Exit, output, signals};
use crate::{
    config::{Config, Environment, Flags, Problems},
    db::Target,
    server::{Application, Seams},
    telemetry,
};

/// Serves until a signal.
///
/// # Errors
/// The configuration is faulty; nothing was bound.
pub(super) fn run(flags: &Flags, environment: &Environment) -> Result<Exit, Problems> {
    let config = Config::load(flags, environment)?;
    telemetry::init(&config.telemetry);
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            error!(%error, "not started");
            return Ok(Exit::Failed);
        }
    };
    let exit = runtime.block_on(serve(config, flags.dev));
    // Everything has ended or was abandoned by now; a thread that hangs must not hold the exit.
    runtime.shutdown_background();
    Ok(exit)
}

async fn serve(config: Config, dev: bool) -> Exit {
    let stop = match signals::stop() {
        Ok(stop) => stop,
        Err(error) => {
            error!(%error, "not started: signals cannot be handled");
            return Exit::Failed;
        }
    };
    let target = config.application.db.target.clone();
    let application = match Application::build(config.application, Seams::default()).await {
        Ok(application) => application,
        Err(error) => {
            error!("not started: {}", output::chain(&error));
            return Exit::Failed;
        }
    };
    let rest = application.rest_address();
    info!(
        version = super::version::text(),
        grpc = %application.grpc_address(),
        rest = rest.map_or_else(|| "off".to_owned(), |address| address.to_string()),
        operations = %application.operations_address(),
        "listening"
    );
    if dev {
        output::answer(&first_steps(&application, &target));
    }
    application.run_until_stopped(stop).await;
    info!("stopped");
    Exit::Done
}

/// What somebody who has just started it wants to know: where it is, where its data is, and a call.
fn first_steps(application: &Application, target: &Target) -> String {
    let data = match target {
        Target::Sqlite(file) => path::absolute(file)
            .unwrap_or_else(|_| file.clone())
            .display()
            .to_string(),
        Target::Postgres { .. } => "Postgres".to_owned(),
    };
    let (rest, call) = match application.rest_address() {
        Some(address) => (
            format!("http://{address}"),
            format!(
                "curl -d email=ada@example.com -d 'password=vestibule opens at nine' {address}/users"
            ),
        ),
        None => (
            "off".to_owned(),
            format!("grpcurl -plaintext {} list", application.grpc_address()),
        ),
    };
    format!(
        "\nVestibule is open.\n\n  gRPC        {}\n  REST        {rest}\n  operations  http://{}/readyz\n  data        {data}\n\nTry, in another terminal:\n\n  {call}\n",
        application.grpc_address(),
        application.operations_address(),
    )
}
