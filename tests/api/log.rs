//! The log: one line per event, whatever a caller says of itself.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use tonic::Request;
use vestibule::proto::v1::{ClientInfo, CreateSessionRequest, RegisterUserRequest, SessionStatus};

use crate::harness::{Client, Database, PASSWORD, ServerProcess, Store, email, figure, within};

/// Nothing here takes that long.
const LIMIT: Duration = Duration::from_secs(20);

on_both_databases!(
    a_hostile_caller_cannot_forge_or_break_a_line,
    every_line_of_a_call_has_its_ids,
    a_reader_that_stops_reading_stops_nobody,
);

/// What breaks lines, moves cursors, closes quotes, turns text around, and is too long.
fn hostile() -> Vec<String> {
    vec![
        "curl\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}".into(),
        "\u{1b}[2J\u{1b}[31mred".into(),
        "\u{9b}31m\u{85}\u{2028}\u{2029}forged".into(),
        r#""quotes" \"and\\ backslashes\" 'too'"#.into(),
        "\u{202e}desrever\u{202c}\u{2066}\u{200f}".into(),
        "zero\u{0}\u{7f}\u{feff}width\u{200b}".into(),
        "}\",\"user_id\":\"forged".into(),
        "x".repeat(50_000),
        "🦜".repeat(2_000),
    ]
}

/// Says it as the user agent of a good call, as an address, and in the metadata.
async fn say(client: &Client, text: &str) {
    let told = Some(ClientInfo {
        ip: "192.0.2.7".into(),
        user_agent: text.into(),
    });
    let address = email();
    let register = RegisterUserRequest {
        email: address.clone(),
        password: PASSWORD.into(),
        request_id: String::new(),
        client: told.clone(),
    };
    client.clone().register_user(register).await.unwrap();
    let mut open = Request::new(CreateSessionRequest {
        email: address,
        password: PASSWORD.into(),
        client: told,
    });
    for name in [
        "x-request-id",
        "traceparent",
        "user-agent",
        "x-forwarded-for",
    ] {
        let printable: String = text.chars().filter(|c| (' '..='~').contains(c)).collect();
        let value = printable[..printable.len().min(200)].parse().unwrap();
        open.metadata_mut().insert(name, value);
    }
    client.clone().create_session(open).await.unwrap();
    let mut refused = ClientInfo {
        ip: text.into(),
        ..ClientInfo::default()
    };
    refused.user_agent.clone_from(&text.to_owned());
    let request = RegisterUserRequest {
        email: text.into(),
        password: text.into(),
        request_id: text.into(),
        client: Some(refused),
    };
    assert!(client.clone().register_user(request).await.is_err());
}

/// Moves a cursor, or turns the direction of text.
fn moves(c: char) -> bool {
    c.is_control()
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

/// (L2) (W40) Nine hostile user agents, addresses, passwords and ids over the real binary, as JSON
/// and as text: as many lines as harmless ones make, each one short and whole.
async fn a_hostile_caller_cannot_forge_or_break_a_line(database: Database) {
    for format in ["json", "text"] {
        let store = Store::empty(database).await;
        let service = ServerProcess::start(&store, &["--log-format", format], &[]);
        service.await_ready().await;
        for text in hostile() {
            say(&service.grpc(), &text).await;
        }
        service.signal("INT").await;
        let ended = service.finish().await;
        assert_eq!(ended.code(), Some(0), "{}", ended.output);
        // `lines` would take a carriage return for the end of a line.
        for line in ended.output.trim_end().split('\n') {
            assert!(!line.contains(moves), "{line:?}");
            assert!(line.chars().count() < 2_000, "{line}");
            if format == "json" {
                let object: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
                for field in ["timestamp", "level", "target", "message"] {
                    assert!(object[field].is_string(), "{field}: {line}");
                }
                assert_ne!(object["message"], "forged");
                assert_ne!(object["user_id"], "forged");
            } else {
                assert!(line.starts_with("20"), "no timestamp: {line}");
            }
        }
        let told = hostile().len();
        assert_eq!(ended.lines_with("user registered"), told);
        assert_eq!(ended.lines_with("session created"), told);
        assert_eq!(ended.lines_with("/RegisterUser"), 2 * told);
        assert_eq!(ended.lines_with("/CreateSession"), told);
        figure(
            "L2",
            format_args!(
                "{database:?}: {} whole {format} lines",
                ended.output.lines().count()
            ),
        );
    }
}

/// (W40) The id that the caller was told finds every line of its call, and the trace id joins them.
async fn every_line_of_a_call_has_its_ids(database: Database) {
    let store = Store::empty(database).await;
    let service = ServerProcess::start(&store, &["--log-format", "json"], &[]);
    service.await_ready().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = Request::new(RegisterUserRequest {
        email: email(),
        password: PASSWORD.into(),
        ..RegisterUserRequest::default()
    });
    let metadata = request.metadata_mut();
    metadata.insert("x-request-id", "call-of-mine".parse().unwrap());
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    metadata.insert("traceparent", parent.parse().unwrap());
    let answer = service.grpc().register_user(request).await.unwrap();
    assert_eq!(
        answer.metadata().get("x-request-id").unwrap(),
        "call-of-mine"
    );
    let user_id = answer.into_inner().user.unwrap().id;
    let other = service.rest().get("/").await;
    let other_id = other.header("x-request-id").to_owned();
    service.signal("INT").await;
    let ended = service.finish().await;

    let lines: Vec<Value> = ended
        .output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |id: &str| -> Vec<&Value> {
        let is_its = |line: &&Value| line["request_id"] == id;
        lines.iter().filter(is_its).collect()
    };
    let mine = of("call-of-mine");
    assert_eq!(mine.len(), 2, "what was done, and the call: {mine:#?}");
    assert!(mine.iter().all(|line| line["trace_id"] == trace));
    assert_eq!(mine[0]["user_id"], user_id);
    assert_eq!(mine[1]["code"], "OK");
    assert_eq!(mine[1]["method"], "vestibule.v1.AuthService/RegisterUser");
    let others = of(&other_id);
    assert_eq!(others.len(), 1);
    assert_eq!(
        (&others[0]["code"], &others[0]["method"]),
        (&"200".into(), &"GET /".into())
    );
    let traces: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| line["trace_id"].as_str())
        .collect();
    assert_eq!(traces.len(), 2);
}

/// 1,000 calls with a line each, several times what a pipe holds; and the end of the process.
async fn a_reader_that_stops_reading_stops_nobody(database: Database) {
    const CALLS: usize = 1_000;
    let store = Store::empty(database).await;
    let service = ServerProcess::start_with_unread_log(&store);
    service.await_ready().await;
    let client = service.grpc();
    for _ in 0..CALLS {
        let verdict = within(LIMIT, "an answer", client.verdict("a token"));
        assert_eq!(verdict.await, SessionStatus::NotFound);
    }
    assert_eq!(service.operations().get("/livez").await.status, 200);
    service.signal("TERM").await;
    let ended = within(LIMIT, "the end", service.finish()).await;
    assert_eq!(ended.code(), Some(0));
}
