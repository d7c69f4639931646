//! Slots without sockets.

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn limit(connections: usize) -> ConnectionLimit {
    ConnectionLimit::new(connections, Proxies::default())
}

/// (X4)
#[tokio::test]
async fn at_the_cap_a_new_connection_waits_for_the_slot_of_an_evicted_one() {
    let limit = limit(2);
    let busy = limit.admit(HERE).await.unwrap();
    let _call = busy.calls().begin();
    let silent = limit.admit(HERE).await.unwrap();

    let newcomer = tokio::spawn({
        let limit = limit.clone();
        async move { limit.admit(HERE).await }
    });
    silent.evicted().await;
    assert!(!newcomer.is_finished(), "two connections and a third");
    drop(silent);
    assert!(newcomer.await.unwrap().is_some());
    assert!(!busy.evicted.is_cancelled());
}

#[tokio::test]
async fn a_connection_is_refused_when_every_other_is_busy() {
    let limit = limit(1);
    let busy = limit.admit(HERE).await.unwrap();
    let _called = busy.calls().begin();
    let _call = busy.calls().memory().begin(http::Request::new(()));
    assert!(limit.admit(HERE).await.is_none());
    assert_eq!((limit.open(), limit.most()), (1, 1));
    drop(busy);
    assert_eq!(limit.open(), 0);
    assert!(limit.admit(HERE).await.is_some());
}

#[tokio::test]
async fn a_connection_that_ended_is_no_longer_known() {
    let limit = limit(1);
    drop(limit.admit(HERE).await.unwrap());
    let _next = limit.admit(HERE).await.unwrap();
    assert_eq!(limit.open.lock().by_age.len(), 1);
}
