//! `grpc.health.v1.Health` over the one readiness channel. tonic-health's own implementation starts
//! as SERVING, refuses a watch of an unknown service and never ends a watch, so only its generated
//! trait is used.

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio::{select, sync::watch};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health,
};

use super::readiness::Readiness;

/// Answers for the process (`""`) and for each mounted service; all of them have the same status.
#[derive(Clone)]
pub(super) struct HealthService {
    services: &'static [&'static str],
    readiness: watch::Receiver<Readiness>,
    closing: CancellationToken,
}

impl HealthService {
    pub(super) fn new(
        services: &'static [&'static str],
        readiness: watch::Receiver<Readiness>,
        closing: CancellationToken,
    ) -> Self {
        Self {
            services,
            readiness,
            closing,
        }
    }

    fn knows(&self, service: &str) -> bool {
        service.is_empty() || self.services.contains(&service)
    }
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(&request.get_ref().service) {
            return Err(Status::not_found("unknown service"));
        }
        let status = serving_status(*self.readiness.borrow());
        Ok(Response::new(response(status)))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watch = Watch {
            known: self.knows(&request.get_ref().service),
            readiness: self.readiness.clone(),
            closing: self.closing.clone(),
            last_sent: None,
        };
        Ok(Response::new(stream::unfold(watch, Watch::next).boxed()))
    }
}

/// An open watch. The edge enforces the deadline of its caller.
struct Watch {
    known: bool,
    readiness: watch::Receiver<Readiness>,
    closing: CancellationToken,
    last_sent: Option<ServingStatus>,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<HealthCheckResponse, Status>, Self)> {
        loop {
            let status = self.status();
            if self.last_sent != Some(status) {
                self.last_sent = Some(status);
                return Some((Ok(response(status)), self));
            }
            select! {
                changed = self.readiness.changed() => changed.ok()?,
                () = self.closing.cancelled() => return None,
            }
        }
    }

    fn status(&mut self) -> ServingStatus {
        if self.known {
            serving_status(*self.readiness.borrow_and_update())
        } else {
            ServingStatus::ServiceUnknown
        }
    }
}

fn serving_status(readiness: Readiness) -> ServingStatus {
    match readiness {
        Readiness::Ready => ServingStatus::Serving,
        Readiness::Failing(_) => ServingStatus::NotServing,
    }
}

fn response(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;
    use crate::server::readiness::{Check, ReadinessReporter};

    const SERVICES: &[&str] = &["vestibule.v1.AuthService"];

    struct Fixture {
        reporter: ReadinessReporter,
        closing: CancellationToken,
        health: HealthService,
    }

    fn fixture() -> Fixture {
        let reporter = ReadinessReporter::new();
        let closing = CancellationToken::new();
        let health = HealthService::new(SERVICES, reporter.subscribe(), closing.clone());
        Fixture {
            reporter,
            closing,
            health,
        }
    }

    fn request_for(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest {
            service: service.to_owned(),
        })
    }

    async fn watch(
        health: &HealthService,
        request: Request<HealthCheckRequest>,
    ) -> BoxStream<'static, Result<HealthCheckResponse, Status>> {
        health.watch(request).await.unwrap().into_inner()
    }

    async fn next_status(
        stream: &mut BoxStream<'static, Result<HealthCheckResponse, Status>>,
    ) -> Option<ServingStatus> {
        let answer = stream.next().await?;
        Some(answer.unwrap().status())
    }

    #[tokio::test]
    async fn a_check_reports_the_state_of_the_process_and_of_each_service() {
        let fixture = fixture();
        for (readiness, status) in [
            (
                Readiness::Failing(Check::Database),
                ServingStatus::NotServing,
            ),
            (Readiness::Ready, ServingStatus::Serving),
            (
                Readiness::Failing(Check::Draining),
                ServingStatus::NotServing,
            ),
        ] {
            fixture.reporter.report(readiness);
            for service in ["", "vestibule.v1.AuthService"] {
                let answer = fixture.health.check(request_for(service)).await.unwrap();
                assert_eq!(answer.into_inner().status(), status, "{service:?}");
            }
        }
        let error = fixture
            .health
            .check(request_for("nobody.v1.NoService"))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NotFound);
    }

    #[tokio::test]
    async fn a_watch_receives_each_change_and_ends_when_the_listeners_close() {
        let fixture = fixture();
        let mut stream = watch(&fixture.health, request_for("")).await;
        assert_eq!(
            next_status(&mut stream).await,
            Some(ServingStatus::NotServing)
        );
        fixture.reporter.report(Readiness::Ready);
        assert_eq!(next_status(&mut stream).await, Some(ServingStatus::Serving));
        fixture.reporter.report(Readiness::Failing(Check::Draining));
        fixture.closing.cancel();
        assert_eq!(
            next_status(&mut stream).await,
            Some(ServingStatus::NotServing)
        );
        assert_eq!(next_status(&mut stream).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_of_an_unknown_service_stays_open() {
        let fixture = fixture();
        let mut stream = watch(&fixture.health, request_for("nobody.v1.NoService")).await;
        assert_eq!(
            next_status(&mut stream).await,
            Some(ServingStatus::ServiceUnknown)
        );
        fixture.reporter.report(Readiness::Ready);
        let day = Duration::from_hours(24);
        assert!(tokio::time::timeout(day, stream.next()).await.is_err());
        fixture.closing.cancel();
        assert_eq!(next_status(&mut stream).await, None);
    }
}
