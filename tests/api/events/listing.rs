//! Who may read events, and how they are selected and paged.

use chrono::TimeDelta;
use tonic::Code;
use vestibule::{
    domain::{EventKind, Timestamp, UserId},
    proto::v1::{self, ListEventsRequest},
};

use super::{Auditor, LIST, event, noon, seed};
use crate::harness::{Fault, Server, scale};

on_both_databases!(
    events_are_for_named_callers_with_a_grant,
    a_filter_selects_by_user_kind_and_time,
    pages_are_in_order_and_stable_under_inserts,
    a_page_token_fits_its_filter_alone,
    every_fault_of_a_request_is_told_at_once,
    an_event_of_a_later_release_has_no_kind,
);

fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.timestamp(),
        nanos: at.timestamp_subsec_nanos().try_into().unwrap(),
    }
}

/// The service is open to whoever reaches it, and this one is not.
async fn events_are_for_named_callers_with_a_grant(app: Server) {
    let weak = app.caller("weak", &["AuthService/ValidLogin"]).await;
    let nothing = ListEventsRequest::default;
    for (key, meaning) in [
        (
            String::new(),
            (Code::Unauthenticated, "CALLER_UNAUTHENTICATED"),
        ),
        (
            "vck_x".into(),
            (Code::Unauthenticated, "CALLER_UNAUTHENTICATED"),
        ),
        (weak, (Code::PermissionDenied, "CALLER_NOT_ALLOWED")),
    ] {
        let refused = Auditor::with(&app, key).page(nothing()).await;
        assert_eq!(Fault::from(refused).meaning(), meaning);
    }
    let granted = Auditor::with(&app, app.caller("auditor", &[LIST]).await);
    let events = granted.page(nothing()).await.unwrap().events;
    let callers: Vec<_> = events
        .iter()
        .map(|event| (event.kind(), &*event.caller))
        .collect();
    let added = v1::EventKind::CallerAdded;
    assert_eq!(callers, [(added, "weak"), (added, "auditor")]);
}

async fn a_filter_selects_by_user_kind_and_time(app: Server) {
    let auditor = Auditor::of(&app).await;
    let (ada, bob) = (app.grpc().registered().await, app.grpc().registered().await);
    let id = |user: &v1::User| UserId::parse(&user.id);
    let micros = TimeDelta::microseconds;
    let events = [
        (micros(0), id(&ada), EventKind::LoginFailed),
        (micros(1), id(&bob), EventKind::LoginFailed),
        (micros(2), id(&ada), EventKind::PasswordChanged),
        (micros(3), None, EventKind::LoginFailed),
        (TimeDelta::days(1), id(&ada), EventKind::LoginFailed),
    ];
    let events = events.into_iter().zip(0..);
    let events = events.map(|((after, user, kind), n)| event(noon() + after, n, user, kind));
    seed(&app, events.collect()).await;

    let all = || ListEventsRequest {
        since: Some(timestamp(noon())),
        ..ListEventsRequest::default()
    };
    let failed = vec![v1::EventKind::LoginFailed.into()];
    let changed = v1::EventKind::PasswordChanged.into();
    let user_id = ada.id.clone();
    for (filter, expected) in [
        (all(), &[0, 1, 2, 3, 4][..]),
        (
            ListEventsRequest {
                user_id: user_id.clone(),
                ..all()
            },
            &[0, 2, 4],
        ),
        (
            ListEventsRequest {
                kinds: failed.clone(),
                ..all()
            },
            &[0, 1, 3, 4],
        ),
        (
            ListEventsRequest {
                kinds: vec![changed, failed[0]],
                ..all()
            },
            &[0, 1, 2, 3, 4],
        ),
        (
            ListEventsRequest {
                since: Some(timestamp(noon() + micros(2))),
                ..all()
            },
            &[2, 3, 4],
        ),
        (
            ListEventsRequest {
                until: Some(timestamp(noon() + micros(2))),
                ..all()
            },
            &[0, 1],
        ),
        (
            ListEventsRequest {
                until: Some(timestamp(noon())),
                ..all()
            },
            &[],
        ),
        (
            ListEventsRequest {
                user_id,
                kinds: failed,
                until: Some(timestamp(noon() + micros(9))),
                ..all()
            },
            &[0],
        ),
    ] {
        // The number of an event is the end of its id.
        let told = auditor.all(filter.clone()).await;
        let numbers = told
            .iter()
            .map(|event| event.id[28..].parse::<u32>().unwrap());
        assert_eq!(numbers.collect::<Vec<_>>(), expected, "{filter:?}");
    }
}

/// 130 events in CI, 2,100 for the scorecard. With each page that is read one event comes before all
/// of them and one after: each of the old ones is seen once.
async fn pages_are_in_order_and_stable_under_inserts(app: Server) {
    let auditor = Auditor::of(&app).await;
    let many = u32::try_from(scale(130, 2_100)).unwrap();
    let made = |seconds: i64, n| {
        let at = noon() + TimeDelta::seconds(seconds);
        event(at, n, None, EventKind::LoginFailed)
    };
    let old: Vec<_> = (0..many).map(|n| made(n.into(), n)).collect();
    let ids: Vec<_> = old.iter().map(|event| event.id.to_string()).collect();
    seed(&app, old).await;
    let mut new = many..;
    for (page_size, most) in [(0, 50), (7, 7), (1_000, 1_000), (i32::MAX, 1_000)] {
        let mut asked = ListEventsRequest {
            kinds: vec![v1::EventKind::LoginFailed.into()],
            page_size,
            ..ListEventsRequest::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = auditor.page(asked.clone()).await.unwrap();
            let is_last = page.next_page_token.is_empty();
            let count = page.events.len();
            assert!(count == most || is_last && count < most, "{count}");
            seen.extend(page.events.into_iter().map(|event| event.id));
            if is_last {
                break;
            }
            asked.page_token = page.next_page_token;
            let n = new.next().unwrap();
            seed(&app, vec![made(-1, n), made(100_000, n)]).await;
        }
        assert!(seen.is_sorted_by(|a, b| a < b), "in order, none twice");
        seen.retain(|id| ids.contains(id));
        assert_eq!(seen, ids);
    }
}

async fn a_page_token_fits_its_filter_alone(app: Server) {
    let auditor = Auditor::of(&app).await;
    for _ in 0..3 {
        app.grpc().registered().await;
    }
    let first = ListEventsRequest {
        page_size: 1,
        ..ListEventsRequest::default()
    };
    let page_token = auditor.page(first.clone()).await.unwrap().next_page_token;
    let next = ListEventsRequest {
        page_token,
        ..first
    };
    let larger = ListEventsRequest {
        page_size: 50,
        ..next.clone()
    };
    assert_eq!(auditor.page(larger).await.unwrap().events.len(), 3);
    let kinds = vec![v1::EventKind::UserRegistered.into()];
    let user_id = "018c2e65-4b7e-7cc3-98c4-dc0c0c07398f".into();
    for wrong in [
        ListEventsRequest {
            kinds,
            ..next.clone()
        },
        ListEventsRequest {
            user_id,
            ..next.clone()
        },
        ListEventsRequest {
            since: Some(timestamp(noon())),
            ..next.clone()
        },
        ListEventsRequest {
            until: Some(timestamp(noon())),
            ..next.clone()
        },
        ListEventsRequest {
            page_token: "x".into(),
            ..next.clone()
        },
        ListEventsRequest {
            page_token: next.page_token[1..].into(),
            ..next.clone()
        },
    ] {
        let fault = Fault::from(auditor.page(wrong).await);
        assert_eq!(fault.faults(), [("page_token", "PAGE_TOKEN_INVALID")]);
    }
}

async fn every_fault_of_a_request_is_told_at_once(app: Server) {
    let auditor = Auditor::of(&app).await;
    let wrong = ListEventsRequest {
        user_id: "nobody".into(),
        kinds: vec![v1::EventKind::LoginFailed.into(), 0, 9_999],
        since: Some(prost_types::Timestamp {
            seconds: i64::MIN,
            nanos: 0,
        }),
        until: Some(prost_types::Timestamp {
            seconds: 0,
            nanos: -1,
        }),
        page_size: -1,
        page_token: "x".into(),
    };
    let fault = Fault::from(auditor.page(wrong).await);
    assert_eq!(fault.meaning(), (Code::InvalidArgument, "INVALID_INPUT"));
    let invalid = "INVALID_FIELD";
    assert_eq!(
        fault.faults(),
        [
            ("user_id", invalid),
            ("kinds", invalid),
            ("since", invalid),
            ("until", invalid),
            ("page_size", invalid),
            ("page_token", "PAGE_TOKEN_INVALID"),
        ]
    );
}

/// Of two releases over one database the older does not hide what it does not know.
async fn an_event_of_a_later_release_has_no_kind(app: Server) {
    let auditor = Auditor::of(&app).await;
    app.store.execute("UPDATE events SET kind = 9999").await;
    let events = auditor.all(ListEventsRequest::default()).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind(), v1::EventKind::Unspecified);
    assert_eq!(events[0].caller, "auditor");
}
